//! Content negotiation by the `Accept` header (RFC 9110 section 12.5.1). Malformed elements are ignored.

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};

/// Returns the quality of a media type in thousandths, from 0 (not acceptable) to 1000.
#[must_use]
pub fn quality(headers: &HeaderMap, media_type: &str) -> u16 {
    let mut values = headers.get_all(ACCEPT).filter_map(|value: &HeaderValue| value.to_str().ok()).peekable();
    if values.peek().is_none_or(|first| *first == "*/*" || *first == media_type) {
        return 1000;
    }
    let ranges: Vec<Range<'_>> = values.flat_map(|value| value.split(',')).filter_map(Range::read).collect();
    let closest = ranges.iter().filter(|range| range.includes(media_type)).max_by_key(|range| range.exactness());
    match closest {
        Some(range) => range.quality,
        None => {
            if ranges.is_empty() {
                1000
            } else {
                0
            }
        }
    }
}

/// An element of the header: `text/*;q=0.5`. Parameters other than `q` are ignored.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: u16,
}

impl<'a> Range<'a> {
    fn read(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim_ascii);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let weight = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let quality = weight.map_or(Some(1000), |(_, value)| thousandths(value))?;
        Some(Self { kind, subtype, quality })
    }

    fn includes(&self, media_type: &str) -> bool {
        let (kind, subtype) = media_type.split_once('/').unwrap_or_default();
        (self.kind == "*" || self.kind.eq_ignore_ascii_case(kind))
            && (self.subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
    }

    /// The precedence of the range: the most specific one that matches a media type applies.
    fn exactness(&self) -> u8 {
        u8::from(self.kind != "*") + u8::from(self.subtype != "*")
    }
}

/// Parses `1`, `0.5` or `0.001` to thousandths: at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| are_digits)?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &[&str]) -> (u16, u16) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        (quality(&headers, "application/json"), quality(&headers, "text/html"))
    }

    #[test]
    fn the_most_specific_range_applies() {
        for (accept, expected) in [
            (&[][..], (1000, 1000)),
            (&["*/*"], (1000, 1000)),
            (&["application/json"], (1000, 0)),
            (&["Application/JSON; charset=utf-8"], (1000, 0)),
            (&["application/*;q=0.5, */*;q=0.1"], (500, 100)),
            (&["*/*;q=0.8, application/json;q=0"], (0, 800)),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], (800, 1000)),
            (&["text/html", "application/json;Q=0.25"], (250, 1000)),
            (&["text/xml"], (0, 0)),
            (&["application/problem+json"], (0, 0)),
        ] {
            assert_eq!(asked(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn malformed_elements_are_ignored() {
        for accept in ["", "json", "text/html;q=2", "text/html;q=x", "text/html;q=0.0001", ";;,,", "text/html;q=-1"] {
            assert_eq!(asked(&[accept]), (1000, 1000), "{accept:?}");
        }
    }
}
