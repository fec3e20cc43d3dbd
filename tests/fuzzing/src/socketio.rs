//! Socket.IO packets, as both sides read them.

use gwanje_wire::sio::server::{self, ClientPacket};
use gwanje_wire::sio::{Conversation, Packet, Received, Transport};

/// More texts of one input than this tell nothing new.
const MAX_TEXTS: usize = 64;

/// Each line is a WebSocket text message. What was read is written, and read again as the same; a conversation takes all
/// of them in.
pub fn socketio(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut conversation: Conversation<usize> = Conversation::default();
    let joined = ["/", "/center/a", "/ridersorda"];
    for namespace in joined {
        conversation.join(namespace, &()).expect("the namespace can be written");
    }
    for (n, line) in text.lines().take(MAX_TEXTS).enumerate() {
        transport(line);
        client_packet(line.strip_prefix('4').unwrap_or(line));
        let received = conversation.receive(line);
        if let Ok(Received::Joined(namespace)) = received {
            let namespace = namespace.to_owned();
            conversation.emit(&namespace, "e", &n, n as u64, n).expect("it is joined");
        }
    }
    conversation.expire(u64::MAX);
    assert_eq!(conversation.deadline_ms(), None, "an expired ack is no longer waited for");
}

fn transport(line: &str) {
    let Ok(read) = Transport::parse(line) else { return };
    let written = read.to_text();
    assert_eq!(Transport::parse(&written).as_ref(), Ok(&read), "{written:?}");
    let Transport::Message(payload) = read else { return };
    let Ok(packet) = Packet::parse(payload) else { return };
    let written = packet.to_text();
    let again = written.strip_prefix('4').expect("a packet travels in a MESSAGE");
    let again = Packet::parse(again).expect("what was written can be read");
    assert_eq!(again.namespace(), packet.namespace());
    assert_eq!(again.to_text(), written);
}

fn client_packet(payload: &str) {
    let Ok(ClientPacket::Event { namespace, ack, name, data }) = ClientPacket::parse(payload) else { return };
    // The other side's reader agrees, on what both read.
    let Ok(Packet::Event { namespace: ns, ack: id, name: called, data: with }) = Packet::parse(payload)
    else {
        panic!("the hub reads an event where the client reads none")
    };
    assert_eq!((namespace, ack, name.as_str()), (ns, id, called.as_ref()));
    assert_eq!(data.map_or("null", |data| data.get()), with.get());
    let written = server::event(namespace, &name, &data).expect("raw JSON can be written");
    let Ok(Packet::Event { name: again, .. }) = Packet::parse(&written) else {
        panic!("the client can't read what the hub wrote: {written:?}")
    };
    assert_eq!(again.as_ref(), name);
}
