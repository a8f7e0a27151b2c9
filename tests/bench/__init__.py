"""Speed, by hand: ``scripts/bench NAME``. Figures are noisy, so nothing here is a test; see docs/benchmarks.md."""
