"""The HTTP service: the library's answers as JSON, and a page that shows them."""
