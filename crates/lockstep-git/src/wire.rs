//! The HTTPS side of a fetch: gix speaks Git, this speaks HTTP for it.
//!
//! Every request goes through [`Link`], which holds the credentials, the deadline and the limits, and
//! keeps the first failure in our own words: what gix makes of an HTTP error is not looked at.

mod exchange;
mod link;
mod redirect;
mod tls;

pub(crate) use link::Link;

use exchange::{Body, Exchange, HeaderLines, Upload};
use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// gix's view of a [`Link`].
pub(crate) struct Wire<'a> {
    link: Rc<Link<'a>>,
    redirected: Option<String>,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(link: Rc<Link<'a>>) -> Self {
        Self {
            link,
            redirected: None,
        }
    }
}

impl<'a> Http for Wire<'a> {
    type Headers = HeaderLines<'a>;
    type ResponseBody = Body<'a>;
    type PostBody = Upload<'a>;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let headers = exchange::header_map(headers);
        let (response, redirected) = redirect::get(&self.link, url, base_url, &headers)
            .map_err(|failure| gix::Error::from_error(self.link.keep(failure)))?;
        if redirected.is_some() {
            self.redirected = redirected;
        }
        let exchange = Rc::new(RefCell::new(Exchange::answered(
            self.link.clone(),
            response,
        )));
        Ok(GetResponse {
            headers: HeaderLines::new(exchange.clone()),
            body: Body::new(exchange),
        })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _kind: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let headers = exchange::header_map(headers);
        let exchange = Exchange::prepared(self.link.clone(), url.to_owned(), headers);
        let exchange = Rc::new(RefCell::new(exchange));
        Ok(PostResponse {
            post_body: Upload::new(exchange.clone()),
            headers: HeaderLines::new(exchange.clone()),
            body: Body::new(exchange),
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}
