use scape::testing::TestNetwork;

use crate::scape;

cases! { TABLES:
    newid_is_an_object_in_json = newid,
}

fn newid(network: &TestNetwork) {
    let values = scape(network, ["newid"]).json();
    assert_eq!(values, [serde_json::json!({"signal": "NEWNYM"})]);
    let done = scape(network, ["newid"]).run().expect(0);
    assert_eq!((done.out.as_str(), done.error.as_str()), ("", "new streams use new circuits\n"));
}
