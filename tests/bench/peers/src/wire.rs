//! A wire with two ends, whose frames are written and read where they lie.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

pub const LONGEST: usize = 1514;
const QUEUE: usize = 128;

struct Frame {
    size: usize,
    bytes: [u8; LONGEST],
}

/// Frames on their way to an end, and those that are free again.
#[derive(Default)]
struct Queue {
    arriving: VecDeque<Box<Frame>>,
    free: Vec<Box<Frame>>,
}
type Shared = Rc<RefCell<Queue>>;

pub struct End {
    incoming: Shared,
    outgoing: Shared,
    /// The device makes and verifies those of TCP and UDP.
    pub checksums: bool,
}

pub struct Arrived {
    frame: Box<Frame>,
    queue: Shared,
}

pub struct Room {
    queue: Shared,
}

pub fn pair(checksums: bool) -> (End, End) {
    let (a, b) = (Shared::default(), Shared::default());
    (
        End {
            incoming: a.clone(),
            outgoing: b.clone(),
            checksums,
        },
        End {
            incoming: b,
            outgoing: a,
            checksums,
        },
    )
}

impl End {
    pub fn room(&self) -> bool {
        self.outgoing.borrow().arriving.len() < QUEUE
    }
    pub fn arrived(&mut self) -> Option<Arrived> {
        let frame = self.incoming.borrow_mut().arriving.pop_front()?;
        Some(Arrived {
            frame,
            queue: self.incoming.clone(),
        })
    }
    pub fn transmitting(&mut self) -> Room {
        Room {
            queue: self.outgoing.clone(),
        }
    }
}

impl Arrived {
    pub fn read<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        let result = f(&self.frame.bytes[..self.frame.size]);
        self.queue.borrow_mut().free.push(self.frame);
        result
    }
}

impl Room {
    pub fn write<R>(self, size: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
        let free = self.queue.borrow_mut().free.pop();
        let mut frame = free.unwrap_or_else(|| {
            Box::new(Frame {
                size: 0,
                bytes: [0; LONGEST],
            })
        });
        frame.size = size;
        let result = f(&mut frame.bytes[..size]);
        self.queue.borrow_mut().arriving.push_back(frame);
        result
    }
}
