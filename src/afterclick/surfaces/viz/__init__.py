"""A Result as SVG and HTML text: one renderer for the page, the fragment, the notebook and later the report."""
