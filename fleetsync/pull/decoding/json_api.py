"""Pages of a JSON:API listing: rows under `data`, and the next page as a link or as a cursor."""

from collections.abc import Iterator

import msgspec

from fleetsync.pull.contract import Client, NextPage, Params
from fleetsync.pull.decoding.text import next_page_text


class PageLinks(msgspec.Struct, frozen=True):
    """Where the next page is."""

    next: str | None = None


class PagePosition(msgspec.Struct, frozen=True, rename="camel"):
    """Which page comes next, and how many rows all pages have together, where the server says so."""

    next_cursor: str | None = None
    total: int | None = None


class PageMeta(msgspec.Struct, frozen=True):
    """What is said about a page."""

    paging: PagePosition | None = None


class JsonApiPage(msgspec.Struct, frozen=True):
    """A page of a listing. Its rows are read one by one: an odd value costs its fact, not the page."""

    data: list[msgspec.Raw]
    links: PageLinks | str | None = None  # the word "null" where a template has nothing to say
    meta: PageMeta | None = None

    @property
    def total(self) -> int | None:
        """How many rows the listing has in all, where the server says so."""
        return None if self.meta is None or self.meta.paging is None else self.meta.paging.total

    def following(self, query: Params) -> NextPage:
        """The link to the next page; without one, *query* with the cursor of the next page; None after the last."""
        link = next_page_text(self.links.next if isinstance(self.links, PageLinks) else self.links)
        if link is not None:
            return link
        paging = self.meta.paging if self.meta is not None else None
        cursor = next_page_text(paging.next_cursor) if paging is not None else None
        return None if cursor is None else {**query, "cursor": cursor}


def json_api_pages(
    client: Client,
    path: str,
    query: Params,
    *,
    needs: str,
    may_be_missing: bool = False,
    optional_query: bool = False,
) -> Iterator[JsonApiPage]:
    """Every page of a listing. Raises as `Client.follow` does."""
    return client.follow(
        path,
        query,
        decode=JsonApiPage,
        next_page=lambda page: page.following(query),
        needs=needs,
        may_be_missing=may_be_missing,
        optional_query=optional_query,
    )
