"""Parts that step types are made of. No module here is a step type; discovery passes this folder over."""
