//! Writes GeoIP databases in MaxMind's format. See
//! <https://maxmind.github.io/MaxMind-DB/>.

use std::collections::HashMap;
use std::net::IpAddr;

/// A value in the data section of a database.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Map(Vec<(&'static str, Value)>),
    Text(&'static str),
    Bytes(Vec<u8>),
    U16(u16),
    U32(u32),
    U64(u64),
    I32(i32),
    F32(f32),
    F64(f64),
    List(Vec<Value>),
}

/// The destination of a branch of the search tree.
#[derive(Debug, Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    /// An offset in the data section.
    Data(usize),
}

/// A database in the making.
#[derive(Debug, Clone)]
pub(crate) struct Mmdb {
    type_name: &'static str,
    ip_version: u16,
    record_size: u16,
    nodes: Vec<[Branch; 2]>,
    data: Vec<u8>,
    /// The offsets of texts that were already written. A repeated text becomes
    /// a pointer to its offset.
    texts: HashMap<&'static str, usize>,
}

impl Mmdb {
    /// Creates an empty database for addresses of this IP version, with records
    /// of `record_size` bits.
    pub(crate) fn new(type_name: &'static str, ip_version: u16, record_size: u16) -> Self {
        let nodes = vec![[Branch::Nothing; 2]];
        Mmdb { type_name, ip_version, record_size, nodes, data: Vec::new(), texts: HashMap::new() }
    }

    /// Adds a record for a network. Of two overlapping networks, the smaller
    /// one must be added later.
    pub(crate) fn with(mut self, network: &str, value: &Value) -> Self {
        let (address, prefix) = network.split_once('/').unwrap();
        let prefix: u32 = prefix.parse().unwrap();
        let bits = match (address.parse().unwrap(), self.ip_version) {
            (IpAddr::V4(ip), 4) => (u128::from(ip.to_bits()) << 96, prefix),
            // In an IPv6 tree, IPv4 addresses are those that begin with 96 zero
            // bits.
            (IpAddr::V4(ip), _) => (u128::from(ip.to_bits()), prefix + 96),
            (IpAddr::V6(ip), _) => (ip.to_bits(), prefix),
        };
        let mut data = std::mem::take(&mut self.data);
        let place = data.len();
        self.write(&mut data, value);
        self.data = data;
        self.put(bits, Branch::Data(place));
        self
    }

    fn put(&mut self, (bits, prefix): (u128, u32), leaf: Branch) {
        let mut node = 0;
        for depth in 0..prefix {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == prefix {
                self.nodes[node][side] = leaf;
                return;
            }
            node = match self.nodes[node][side] {
                Branch::Node(next) => next,
                // The record of the larger network still applies to the rest of
                // that network.
                whole => {
                    self.nodes.push([whole; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][side] = Branch::Node(next);
                    next
                }
            };
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Map(pairs) => {
                control(out, 7, pairs.len());
                for (key, value) in pairs {
                    self.write(out, &Value::Text(key));
                    self.write(out, value);
                }
            }
            Value::Text(text) => match self.texts.get(text) {
                Some(&place) if place < 1 << 11 => {
                    out.extend([0x20 | (place >> 8) as u8, (place & 0xff) as u8]);
                }
                _ => {
                    self.texts.insert(text, out.len());
                    control(out, 2, text.len());
                    out.extend(text.as_bytes());
                }
            },
            Value::List(values) => {
                control(out, 11, values.len());
                for value in values {
                    self.write(out, value);
                }
            }
            plain => write_plain(out, plain),
        }
    }

    /// Returns the database as the bytes of a file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let number = |branch: Branch| match branch {
            Branch::Nothing => count as u32,
            Branch::Node(node) => node as u32,
            Branch::Data(place) => (count + 16 + place) as u32,
        };
        let mut out = Vec::new();
        for [left, right] in &self.nodes {
            let (left, right) = (number(*left).to_be_bytes(), number(*right).to_be_bytes());
            match self.record_size {
                24 => out.extend([&left[1..], &right[1..]].concat()),
                28 => out.extend([&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
                _ => out.extend([left, right].concat()),
            }
        }
        out.extend([0; 16]);
        out.extend(&self.data);
        out.extend(b"\xab\xcd\xefMaxMind.com");
        // Pointers in the metadata would be relative to its own beginning. It
        // has none, because no key occurs twice.
        let mut metadata = Vec::new();
        Mmdb::new("", 4, 24).write(&mut metadata, &self.metadata());
        out.extend(metadata);
        out
    }

    fn metadata(&self) -> Value {
        Value::Map(vec![
            ("binary_format_major_version", Value::U16(2)),
            ("binary_format_minor_version", Value::U16(0)),
            ("build_epoch", Value::U64(1_700_000_000)),
            ("database_type", Value::Text(self.type_name)),
            ("description", Value::Map(vec![("en", Value::Text("made for a test"))])),
            ("ip_version", Value::U16(self.ip_version)),
            ("languages", Value::List(vec![])),
            ("node_count", Value::U32(self.nodes.len() as u32)),
            ("record_size", Value::U16(self.record_size)),
        ])
    }
}

fn write_plain(out: &mut Vec<u8>, value: &Value) {
    let (kind, bytes) = match value {
        Value::F64(number) => (3, number.to_be_bytes().to_vec()),
        Value::F32(number) => (15, number.to_be_bytes().to_vec()),
        Value::Bytes(bytes) => (4, bytes.clone()),
        Value::U16(number) => (5, shortest(&number.to_be_bytes())),
        Value::U32(number) => (6, shortest(&number.to_be_bytes())),
        Value::I32(number) => (8, number.to_be_bytes().to_vec()),
        Value::U64(number) => (9, shortest(&number.to_be_bytes())),
        Value::Map(_) | Value::Text(_) | Value::List(_) => unreachable!("they are not plain"),
    };
    control(out, kind, bytes.len());
    out.extend(bytes);
}

/// Returns the bytes without the zero bytes at the beginning.
fn shortest(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// Writes the control bytes of a value: its type and its size.
fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (short, more) = match size {
        0..29 => (size as u8, None),
        29..285 => (29, Some((size - 29) as u8)),
        _ => panic!("values of this size are not needed"),
    };
    match kind {
        0..8 => out.push(kind << 5 | short),
        _ => out.extend([short, kind - 7]),
    }
    out.extend(more);
}
