//! The work, as `embedded.cpp` has it.

use crate::wire;

const SEGMENT: usize = 1460;
const ACTIVE: usize = 1000;

/// One of two hosts. Sockets have numbers.
pub trait Host {
    /// What has arrived and what is due, `now` in microseconds.
    fn poll(&mut self, now: i64);
    /// A socket that listens; one for each connection, with rings of so many bytes.
    fn listen(&mut self, port: u16, ring: usize) -> usize;
    fn connect(&mut self, port: u16, local: u16, ring: usize) -> usize;
    fn connected(&mut self, stream: usize) -> bool;
    /// How many bytes; 0 for none now.
    fn write(&mut self, stream: usize, data: &[u8]) -> usize;
    fn read(&mut self, stream: usize, buffer: &mut [u8]) -> usize;
    fn udp(&mut self, port: u16) -> usize;
    fn send(&mut self, socket: usize, port: u16, data: &[u8]) -> bool;
    fn receive(&mut self, socket: usize, buffer: &mut [u8]) -> usize;
    /// To who sent what was received last.
    fn answer(&mut self, socket: usize, data: &[u8]) -> bool;
}

struct World<H> {
    now: i64,
    client: H,
    server: H,
    streams: Vec<(usize, usize)>,
}

impl<H: Host> World<H> {
    fn turn(&mut self) {
        self.now += 1;
        self.client.poll(self.now);
        self.server.poll(self.now);
    }
    fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        while !done(self) {
            self.turn();
        }
    }
    /// A listener each, and all at once: a stack that looks at every socket whenever it is polled takes long for this.
    fn connect(&mut self, port: u16, count: usize, ring: usize) -> Vec<(usize, usize)> {
        let begin = |world: &mut Self, i: usize| {
            let far = world.server.listen(port + i as u16, ring);
            (
                world.client.connect(port + i as u16, 10_000 + port + i as u16, ring),
                far,
            )
        };
        let pairs: Vec<_> = (0..count).map(|i| begin(self, i)).collect();
        self.until(|world| {
            pairs
                .iter()
                .all(|&(near, far)| world.client.connected(near) && world.server.connected(far))
        });
        pairs
    }
    fn crowd(&mut self, idle: usize) {
        for i in 0..idle {
            self.server.udp(30_000 + i as u16);
            self.client.udp(30_000 + i as u16);
        }
        self.streams = self.connect(1000, idle, 64);
    }
    fn round_trip(&mut self, (near, far): (usize, usize)) {
        let mut byte = [0u8; 1];
        self.until(|world| world.client.write(near, &byte) != 0);
        self.until(|world| world.server.read(far, &mut byte) != 0);
        self.until(|world| world.server.write(far, &byte) != 0);
        self.until(|world| world.client.read(near, &mut byte) != 0);
    }
    fn bulk(&mut self, segments: usize) {
        let (near, far) = self.connect(7, 1, 65536)[0];
        let data = vec![0u8; 16 * SEGMENT];
        let mut taken = vec![0u8; 65536];
        let mut to_send = segments * SEGMENT;
        let mut to_take = to_send;
        while to_take > 0 {
            while to_send > 0 {
                let sent = self.client.write(near, &data[..to_send.min(data.len())]);
                if sent == 0 {
                    break;
                }
                to_send -= sent;
            }
            loop {
                let got = self.server.read(far, &mut taken);
                if got == 0 {
                    break;
                }
                to_take -= got;
            }
            self.turn();
        }
    }
    fn udp(&mut self, count: usize) {
        let near = self.client.udp(19_999);
        let far = self.server.udp(7);
        let mut data = [0u8; 64];
        for _ in 0..count {
            self.until(|world| world.client.send(near, 7, &data));
            self.until(|world| world.server.receive(far, &mut data) != 0);
            self.until(|world| world.server.answer(far, &data));
            self.until(|world| world.client.receive(near, &mut data) != 0);
        }
    }
}

/// `new` makes the host of number 1 or 2 at an end of the wire.
pub fn run<H: Host>(new: fn(wire::End, u8) -> H) {
    let words: Vec<String> = std::env::args().collect();
    let number = |i: usize| words.get(i).and_then(|word| word.parse::<usize>().ok());
    let what = words.get(1).map_or("", String::as_str);
    let count = number(2).unwrap_or(0);
    let idle = number(3).unwrap_or(if what == "active" { ACTIVE } else { 0 });
    let (a, b) = wire::pair(what == "bulk-offload");
    let mut world = World {
        now: 1_000_000,
        client: new(a, 1),
        server: new(b, 2),
        streams: Vec::new(),
    };
    world.crowd(idle);
    match what {
        "bulk" | "bulk-offload" => world.bulk(count),
        "ping-pong" => {
            let pair = world.connect(7, 1, 65536)[0];
            (0..count).for_each(|_| world.round_trip(pair));
        }
        "active" => (0..count).for_each(|i| world.round_trip(world.streams[i % ACTIVE])),
        "udp" => world.udp(count),
        _ => {
            eprintln!(
                "usage: {} bulk|bulk-offload|ping-pong|active|udp COUNT [IDLE]",
                words[0]
            );
            std::process::exit(2);
        }
    }
}
