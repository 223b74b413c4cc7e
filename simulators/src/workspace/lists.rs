//! Page-numbered lists: calls, articles, collections, and the lists under a contact.

use super::answer::object;
use super::contacts::NestedList;
use super::data::Data;
use super::noise::{noise, one_in};
use super::settings::{PageNext, Settings};
use super::table::{Stream, Table};
use super::template::put_array;
use crate::http::{Reply, Request};

/// How one list is paged.
pub struct Paging {
    pub default_per_page: u64,
    pub most_per_page: u64,
    pub next: PageNext,
    pub total_pages_off_by: i64,
    /// The property that holds the rows.
    pub records_at: &'static str,
    /// What is usually in `pages` is beside the rows.
    pub is_flat: bool,
}

/// `GET /calls`.
pub fn calls(data: &Data, settings: &Settings, request: &Request) -> Reply {
    let table = data.table(Stream::Calls);
    let order = table.listing(|table| displaced(table, data.seed, settings));
    let paging = Paging {
        default_per_page: 25,
        next: settings.calls_next,
        total_pages_off_by: settings.total_pages_off_by,
        ..plain(25)
    };
    let host = own_host(request);
    paging.answer(request, order.len(), table.index().len(), |out, place| {
        data.put_call(out, order[place], settings, &host);
    })
}

/// `GET /articles`.
pub fn articles(data: &Data, request: &Request) -> Reply {
    let index = data.table(Stream::Articles).index();
    plain(150).answer(request, index.len(), index.len(), |out, place| {
        data.put_article(out, index[index.len() - 1 - place].row);
    })
}

/// `GET /help_center/collections`.
pub fn collections(data: &Data, settings: &Settings, request: &Request) -> Reply {
    let table = data.table(Stream::Collections);
    let order = table.listing(|table| unsorted(table, data.seed, settings));
    plain(150).answer(request, order.len(), table.index().len(), |out, place| {
        data.put_collection(out, order[place]);
    })
}

/// `GET /contacts/{id}/companies` and `…/notes`: paged.
pub fn paged_nested_list(
    data: &Data,
    settings: &Settings,
    request: &Request,
    row: u32,
    list: NestedList,
) -> Reply {
    let count = data.nested_count(row, list, settings.long_lists_every);
    let paging = Paging {
        default_per_page: 50,
        ..plain(150)
    };
    paging.answer(request, count, count, |out, place| {
        data.put_nested_element(out, row, list, place + 1);
    })
}

/// `GET /contacts/{id}/tags`, `…/subscriptions`: whole.
pub fn whole_nested_list(
    data: &Data,
    settings: &Settings,
    row: u32,
    lists: &[NestedList],
) -> Reply {
    let elements = lists.iter().flat_map(|&list| {
        let count = data.nested_count(row, list, settings.long_lists_every);
        (1..=count).map(move |position| (list, position))
    });
    let mut records = Vec::new();
    put_array(&mut records, elements, |out, (list, position)| {
        data.put_nested_element(out, row, list, position);
    });
    Reply::json(200, object(&[("type", b"\"list\""), ("data", &records)]))
}

/// The server as the client named it: where URLs in records point.
pub fn own_host(request: &Request) -> String {
    format!("http://{}", request.header("Host").unwrap_or_default())
}

/// Pages of 20 unless asked for others, with a URL to the next.
pub fn plain(most_per_page: u64) -> Paging {
    Paging {
        default_per_page: 20,
        most_per_page,
        next: PageNext::Url,
        total_pages_off_by: 0,
        records_at: "data",
        is_flat: false,
    }
}

impl Paging {
    /// The page asked for, out of a list of `length` places that hold `total_count` rows.
    pub fn answer(
        &self,
        request: &Request,
        length: usize,
        total_count: usize,
        put_place: impl FnMut(&mut Vec<u8>, usize),
    ) -> Reply {
        let number = |name: &str| request.parameter(name).and_then(|text| text.parse().ok());
        let page: u64 = number("page").unwrap_or(1).max(1);
        let per_page: u64 = number("per_page")
            .unwrap_or(self.default_per_page)
            .clamp(1, self.most_per_page);
        let first = (page - 1).saturating_mul(per_page).min(length as u64) as usize;
        let last = (first + per_page as usize).min(length);
        let mut records = Vec::new();
        put_array(&mut records, first..last, put_place);

        let next = if last == length {
            "null".to_owned()
        } else {
            self.next(request, page + 1, per_page)
        };
        let total_pages = (length as u64).div_ceil(per_page);
        let total_pages = total_pages.saturating_add_signed(self.total_pages_off_by);
        let (total_count, numbers) = (total_count.to_string(), [page, per_page, total_pages]);
        if self.is_flat {
            let [page, per_page, total_pages] = numbers.map(|number| number.to_string());
            return Reply::json(
                200,
                object(&[
                    ("type", b"\"list\""),
                    (self.records_at, &records),
                    ("total_count", total_count.as_bytes()),
                    ("page", page.as_bytes()),
                    ("per_page", per_page.as_bytes()),
                    ("total_pages", total_pages.as_bytes()),
                ]),
            );
        }
        let pages = format!(
            r#"{{"type":"pages","next":{next},"page":{page},"per_page":{per_page},"total_pages":{total_pages}}}"#
        );
        Reply::json(
            200,
            object(&[
                ("type", b"\"list\""),
                (self.records_at, &records),
                ("total_count", total_count.as_bytes()),
                ("pages", pages.as_bytes()),
            ]),
        )
    }

    fn next(&self, request: &Request, page: u64, per_page: u64) -> String {
        match self.next {
            PageNext::Null => "null".to_owned(),
            PageNext::Number => page.to_string(),
            PageNext::Object => format!(r#"{{"page":{page},"per_page":{per_page}}}"#),
            PageNext::Url => {
                let host = own_host(request);
                let path = &request.path;
                format!(r#""{host}{path}?per_page={per_page}&page={page}""#)
            }
        }
    }
}

/// Newest first, but for some rows that are pages away from their place.
fn displaced(table: &Table, seed: u64, settings: &Settings) -> Vec<u32> {
    let most = i64::from(settings.displaced_calls_pages) * 25;
    let mut places: Vec<(i64, u32)> = table
        .index()
        .iter()
        .rev()
        .enumerate()
        .map(|(place, entry)| {
            let noise = noise(seed, entry.row, 95);
            let displaced = one_in(noise, settings.displaced_calls_every);
            let by = (noise >> 20) as i64 % (most + 1);
            let by = if noise >> 19 & 1 == 0 { by } else { -by };
            (place as i64 + if displaced { by } else { 0 }, entry.row)
        })
        .collect();
    // Stable, so that what stays in place keeps its order.
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, row)| row).collect()
}

/// In no order; some rows a second time, 25 places later.
fn unsorted(table: &Table, seed: u64, settings: &Settings) -> Vec<u32> {
    let mut rows: Vec<u32> = table.index().iter().map(|entry| entry.row).collect();
    rows.sort_by_key(|&row| table.tie(row));
    let repeated: Vec<(usize, u32)> = (rows.iter().enumerate())
        .filter(|&(_, &row)| one_in(noise(seed, row, 96), settings.repeated_collections_every))
        .map(|(place, &row)| (place, row))
        .collect();
    for (inserted, (place, row)) in repeated.into_iter().enumerate() {
        rows.insert((place + inserted + 25).min(rows.len()), row);
    }
    rows
}
