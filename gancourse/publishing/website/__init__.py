"""The course as a site: its pages, what joins them, lists made from the lessons, and the page that plays."""
