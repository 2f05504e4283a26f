use scape::testing::TestNetwork;

use crate::scape;

cases! { TABLES:
    status_on_a_network = status,
}

fn status(network: &TestNetwork) {
    let text = scape(network, ["status"]).ok();
    assert!(text.contains("Network       ready"), "{text}");
}
