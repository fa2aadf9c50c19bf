//! Lists: a page at a time, or all of it as a stream.

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::Monite;
use crate::error::Error;
use crate::request::Request;

/// One page of a list. An empty page is not the end; a missing `next` is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Token of the next page, `None` on the last.
    #[serde(rename = "next_pagination_token", default)]
    pub next: Option<String>,
    /// Token of the page before, `None` on the first.
    #[serde(rename = "prev_pagination_token", default)]
    pub prev: Option<String>,
}

/// Sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest or smallest first; Monite's default.
    Asc,
    /// Newest or largest first.
    Desc,
}

impl Order {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }
}

/// The query parameter of a page token. Monite ignores all others next to it.
pub(crate) const TOKEN_PARAMETER: &str = "pagination_token";

/// Every row, page after page. Ends after the first error: a list that could not be read is not a shorter list.
pub(crate) fn rows<T>(monite: Monite, first: Request) -> impl Stream<Item = Result<T, Error>> + Send + 'static
where
    T: DeserializeOwned + Send + 'static,
{
    let next_page = first.clone();
    stream::try_unfold(Step::First(first), move |step| {
        let (monite, next_page) = (monite.clone(), next_page.clone());
        async move {
            let (request, token) = match step {
                Step::First(request) => (request, None),
                Step::Next(token) => (on_page(next_page, &token), Some(token)),
                Step::End => return Ok::<_, Error>(None),
            };
            let operation = request.operation;
            let page: Page<T> = monite.send(request).await?;
            let step = match page.next.filter(|next| !next.is_empty()) {
                // Without this a server that repeats itself would keep us reading for ever.
                Some(next) if Some(&next) == token.as_ref() => {
                    return Err(Error::invalid(format!("{operation}: Monite repeats the same page token")));
                }
                Some(next) => Step::Next(next),
                None => Step::End,
            };
            Ok(Some((stream::iter(page.data.into_iter().map(Ok)), step)))
        }
    })
    .try_flatten()
    .boxed()
}

/// The request for another page of the list that `request` began.
pub(crate) fn on_page(mut request: Request, token: &str) -> Request {
    request.query = vec![(TOKEN_PARAMETER, token.to_owned())];
    request
}

enum Step {
    First(Request),
    Next(String),
    End,
}
