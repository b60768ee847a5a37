//! smoltcp, doing what `embedded.cpp` has nal's embedded stack do: two hosts on an Ethernet wire in memory, MTU 1500,
//! every checksum made and verified, rings of 64 KiB, in one thread; a turn polls both and takes 1 us.
//! `bulk|bulk-offload|ping-pong|active|udp COUNT [IDLE]`

mod wire;
mod work;

use smoltcp as stack;
use stack::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use stack::time::Instant;

impl Device for wire::End {
    type RxToken<'a> = wire::Arrived;
    type TxToken<'a> = wire::Room;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = wire::LONGEST;
        capabilities.checksum = ChecksumCapabilities::default();
        if self.checksums {
            capabilities.checksum.tcp = Checksum::None;
            capabilities.checksum.udp = Checksum::None;
        }
        capabilities
    }

    fn receive(&mut self, _now: Instant) -> Option<(wire::Arrived, wire::Room)> {
        if !self.room() {
            return None;
        }
        self.arrived().map(|frame| (frame, self.transmitting()))
    }

    fn transmit(&mut self, _now: Instant) -> Option<wire::Room> {
        self.room().then(|| self.transmitting())
    }
}

impl stack::phy::RxToken for wire::Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        self.read(f)
    }
}

impl stack::phy::TxToken for wire::Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, size: usize, f: F) -> R {
        self.write(size, f)
    }
}

include!("side.rs");

fn main() {
    work::run(Side::new);
}
