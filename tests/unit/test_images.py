"""The addresses of pictures, and the sites that the page's policy allows for them."""

from __future__ import annotations

import pytest
from hmrec.cli.service.images import find_picture, name_sites
from hmrec.cli.service.settings import ServiceSettings
from hmrec.cypher.articles import Card
from pydantic import ValidationError

OWN = "'self' data:"


def make_card(image_url: str | None = None) -> Card:
    return Card("01/2", "Vest", None, None, None, None, True, None, image_url)


@pytest.mark.parametrize(
    ("template", "image_url", "address", "sites"),
    [
        ("", "https://a.example/x.jpg", None, OWN),
        ("https://a.example/{article_id}.jpg", None, "https://a.example/01%2F2.jpg", f"{OWN} https://a.example"),
        ("/pictures/{article_id}", None, "/pictures/01%2F2", OWN),
        ("{image_url}", "https://b.example/x.jpg", "https://b.example/x.jpg", f"{OWN} https:"),
        ("{image_url}", None, None, f"{OWN} https:"),
        ("{image_url}", "javascript:alert(1)", None, f"{OWN} https:"),
        ("https://a.example/{image_url}", "x y/1.jpg", "https://a.example/x%20y/1.jpg", f"{OWN} https://a.example"),
    ],
)
def test_a_template_names_pictures_and_their_site(
    template: str, image_url: str | None, address: str | None, sites: str
) -> None:
    assert find_picture(template, make_card(image_url)) == address
    assert name_sites(template) == sites


@pytest.mark.parametrize("template", ["ftp://a.example/x", "https://a.example; script-src *", "javascript:alert(1)"])
def test_a_template_that_is_no_address_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        ServiceSettings(image_url=template)
