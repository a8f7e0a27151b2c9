"""One turn of a chat: the model, its tools, and what each of them is told."""
