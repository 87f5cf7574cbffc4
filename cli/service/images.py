"""The addresses of articles' pictures, and which sites the page may load them from."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from ...cypher.articles import Card

IMAGE = "{image_url}"  # an article's property
ARTICLE = "{article_id}"


def find_picture(template: str, card: Card) -> str | None:
    """Return the address of an article's picture; None without one.

    Parameters
    ----------
    template : the setting HMREC_IMAGE_URL, in which {article_id} and {image_url} are replaced.
    card : the article.
    """
    if not template or (IMAGE in template and not card.image_url):
        return None
    image = card.image_url or ""
    address = template.replace(ARTICLE, quote(card.article_id, safe=""))
    address = address.replace(IMAGE, image if template == IMAGE else quote(image, safe="/"))
    return address if urlsplit(address).scheme in ("", "http", "https") else None


def name_sites(template: str) -> str:
    """Return the sources of pictures for the page's Content-Security-Policy: the page's own, and the template's site.

    Parameters
    ----------
    template : as for `find_picture`. If it is only {image_url}, every site with HTTPS is allowed.
    """
    if template == IMAGE:
        return "'self' data: https:"
    site = urlsplit(template)
    return f"'self' data: {site.scheme}://{site.netloc}" if site.netloc else "'self' data:"
