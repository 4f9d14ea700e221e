//! Any value in `serde`'s data model, between a record and a type.

use crate::records::{Call, Event, Image, Record, Scalar, Value};

/// A value of any shape.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    /// Over what an integer of a record holds: the time of an image may be.
    Large(u64),
    Nothing,
    Sequence(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Why it is no value.
type Complaint = String;

impl Node {
    /// A record as a map.
    pub(super) fn of(record: Record) -> Node {
        Node::Map(record.into_iter().map(|(key, value)| (key, value.into())).collect())
    }

    /// The record of a map; entries that are nothing are left out.
    pub(super) fn record(self) -> Result<Record, Complaint> {
        let Node::Map(entries) = self else { return Err("a record is made of a struct or a map".into()) };
        let items = entries.into_iter().filter(|(_, node)| *node != Node::Nothing);
        items
            .map(|(key, node)| node.value().map(|value| (key.clone(), value)).map_err(|why| format!("{key}: {why}")))
            .collect()
    }

    /// The value of an item.
    pub(super) fn value(self) -> Result<Value, Complaint> {
        let Node::Map(mut entries) = self else { return self.scalar().map(Value::from) };
        let has = |key: &str| entries.iter().any(|(known, _)| known == key);
        let shape = ["event", "function", "width"].into_iter().find(|key| has(key));
        let mut take = |key: &str| {
            let at = entries.iter().position(|(known, _)| known == key);
            at.map(|at| entries.swap_remove(at).1).ok_or_else(|| format!("there is no '{key}'"))
        };
        let value = match shape {
            Some("event") => {
                Value::Event(Event { name: take("event")?.text()?, parameters: take("parameters")?.parameters()? })
            }
            Some("function") => Value::FunctionCall(Call {
                name: take("function")?.text()?,
                result: match take("return") {
                    Ok(Node::Nothing) | Err(_) => None,
                    Ok(node) => Some(node.scalar()?),
                },
                arguments: take("arguments")?.arguments()?,
            }),
            Some(_) => Value::ImageFrame(Image {
                width: take("width")?.number()?,
                height: take("height")?.number()?,
                channels: take("channels")?.number()?,
                timestamp_ns: take("timestamp_ns")?.time()?,
                data: take("data")?.octets()?,
            }),
            None => return Err("a map that is no event, function call or image frame".into()),
        };
        match entries.first() {
            Some((unknown, _)) => Err(format!("an unknown field '{unknown}'")),
            None => Ok(value),
        }
    }

    /// A value that stands for itself.
    pub(super) fn scalar(self) -> Result<Scalar, Complaint> {
        match self {
            Node::Scalar(scalar) => Ok(scalar),
            Node::Sequence(_) => self.octets().map(Scalar::Binary),
            Node::Large(number) => Err(format!("{number} is over what an integer holds")),
            Node::Nothing => Err("nothing where a value must be".into()),
            Node::Map(_) => Err("a map where a scalar must be".into()),
        }
    }

    fn text(self) -> Result<String, Complaint> {
        if let Node::Scalar(Scalar::String(text)) = self { Ok(text) } else { Err("a name that is no text".into()) }
    }

    /// Octets, also as a sequence of small numbers.
    fn octets(self) -> Result<Vec<u8>, Complaint> {
        let octet = |node| match node {
            Node::Scalar(Scalar::Integer(number)) => u8::try_from(number).ok(),
            _ => None,
        };
        let octets = match self {
            Node::Scalar(Scalar::Binary(octets)) => Some(octets),
            Node::Sequence(nodes) => nodes.into_iter().map(octet).collect(),
            _ => None,
        };
        octets.ok_or_else(|| "a sequence of anything but numbers from 0 to 255".into())
    }

    fn parameters(self) -> Result<Vec<(String, Scalar)>, Complaint> {
        let Node::Map(entries) = self else { return Err("parameters that are no map".into()) };
        entries.into_iter().map(|(key, node)| Ok((key, node.scalar()?))).collect()
    }

    fn arguments(self) -> Result<Vec<Scalar>, Complaint> {
        match self {
            Node::Sequence(nodes) => nodes.into_iter().map(Node::scalar).collect(),
            _ => Err("arguments that are no sequence".into()),
        }
    }

    fn number(self) -> Result<u32, Complaint> {
        let number = if let Node::Scalar(Scalar::Integer(number)) = self { u32::try_from(number).ok() } else { None };
        number.ok_or_else(|| "a size that is no number of 32 bits".into())
    }

    fn time(self) -> Result<u64, Complaint> {
        match self {
            Node::Large(number) => Ok(number),
            Node::Scalar(Scalar::Integer(number)) => u64::try_from(number).map_err(|_| "a negative time".into()),
            _ => Err("a time that is no number".into()),
        }
    }
}

impl From<Scalar> for Node {
    fn from(scalar: Scalar) -> Node {
        Node::Scalar(scalar)
    }
}

impl From<u64> for Node {
    fn from(number: u64) -> Node {
        i64::try_from(number).map_or(Node::Large(number), |number| Node::Scalar(Scalar::Integer(number)))
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Node {
        let map =
            |entries: Vec<(&str, Node)>| Node::Map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)).collect());
        match value {
            Value::Integer(value) => Scalar::Integer(value).into(),
            Value::Boolean(value) => Scalar::Boolean(value).into(),
            Value::Real(value) => Scalar::Real(value).into(),
            Value::String(text) => Scalar::String(text).into(),
            Value::Binary(octets) => Scalar::Binary(octets).into(),
            Value::Event(Event { name, parameters }) => {
                let parameters = parameters.into_iter().map(|(key, value)| (key, value.into())).collect();
                map(vec![("event", Scalar::String(name).into()), ("parameters", Node::Map(parameters))])
            }
            Value::FunctionCall(Call { name, result, arguments }) => map(vec![
                ("function", Scalar::String(name).into()),
                ("return", result.map_or(Node::Nothing, Node::from)),
                ("arguments", Node::Sequence(arguments.into_iter().map(Node::from).collect())),
            ]),
            Value::ImageFrame(image) => map(vec![
                ("width", u64::from(image.width).into()),
                ("height", u64::from(image.height).into()),
                ("channels", u64::from(image.channels).into()),
                ("timestamp_ns", image.timestamp_ns.into()),
                ("data", Scalar::Binary(image.data).into()),
            ]),
        }
    }
}
