//! Headers that come twice, or are no text.

use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderName};

use super::check_shape;
use crate::support::direct::{Ask, Direct};
use crate::support::{builder, organization};

#[tokio::test]
async fn the_first_of_several_headers_counts() {
    let direct = Direct::with(builder()).await;
    let entity = direct.call("POST /entities", organization("A")).await.id();
    let ask = || Ask::new("GET /roles").token(&direct.token).inside(&entity);
    let and = |name: &'static str, value: &[u8], first: bool| {
        let (mut ask, name) = (ask(), HeaderName::from_static(name));
        let new = HeaderValue::from_bytes(value).unwrap();
        if first {
            let old = ask.headers.insert(name.clone(), new).unwrap();
            ask.headers.append(name, old);
        } else {
            ask.headers.append(name, new);
        }
        ask
    };
    let cases: [(&str, &[u8], u16); 6] = [
        ("authorization", b"Bearer dead", 400),
        ("authorization", b"Bearer \xff", 400),
        ("x-monite-version", b"latest", 422),
        ("x-monite-version", b"2024-05-2\xff", 422),
        ("x-monite-entity-id", b"abc", 422),
        ("x-monite-entity-id", b"\xc3\x28", 422),
    ];
    for (name, value, status) in cases {
        let first = direct.send(and(name, value, true)).await;
        check_shape(&first, name);
        assert_eq!(first.status, status, "{name} {value:?} before the good one");
        let second = direct.send(and(name, value, false)).await;
        assert_eq!(second.status, 200, "{name} {value:?} after the good one");
    }
    for garbled in ["", "Bearer", "Bearer ", "Basic abc", "undefined", "Bearer undefined", "Token x"] {
        let mut ask = ask();
        ask.headers.insert(AUTHORIZATION, HeaderValue::from_str(garbled).unwrap());
        let answer = direct.send(ask).await;
        assert_eq!((answer.status, answer.message()), (400, "The token has been revoked, expired or not found."));
    }
    assert_eq!(direct.send(ask().without("authorization")).await.status, 401);
}
