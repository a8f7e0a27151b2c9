"""The JSON API under ``/api``; `routes` lists its addresses."""
