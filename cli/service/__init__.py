"""The HTTP service: recommendations as JSON, and a web page that shows them."""
