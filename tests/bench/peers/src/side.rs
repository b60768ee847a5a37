// One host, for stacks whose interface is smoltcp's; included where `stack` is that stack.

use stack::iface::{Config, Interface, SocketHandle, SocketSet};
use stack::socket::{tcp, udp};
use stack::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};

struct Side {
    number: u8,
    device: wire::End,
    interface: Interface,
    sockets: SocketSet<'static>,
    handles: Vec<SocketHandle>,
    sender: Option<udp::UdpMetadata>,
}

fn address(number: u8) -> IpAddress {
    IpAddress::v4(10, 0, 0, number)
}

impl Side {
    fn new(mut device: wire::End, number: u8) -> Self {
        let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, number]).into());
        config.random_seed = number.into();
        let mut interface = Interface::new(config, &mut device, Instant::from_micros(1_000_000));
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address(number), 24)).unwrap());
        Side {
            number,
            device,
            interface,
            sockets: SocketSet::new(vec![]),
            handles: Vec::new(),
            sender: None,
        }
    }
    fn tcp(&mut self, ring: usize) -> usize {
        let buffer = || tcp::SocketBuffer::new(vec![0; ring]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        self.handles.push(self.sockets.add(socket));
        self.handles.len() - 1
    }
    fn stream(&mut self, number: usize) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handles[number])
    }
    fn socket(&mut self, number: usize) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(self.handles[number])
    }
}

impl work::Host for Side {
    fn poll(&mut self, now: i64) {
        self.interface
            .poll(Instant::from_micros(now), &mut self.device, &mut self.sockets);
    }
    fn listen(&mut self, port: u16, ring: usize) -> usize {
        let number = self.tcp(ring);
        self.stream(number).listen(port).unwrap();
        number
    }
    fn connect(&mut self, port: u16, local: u16, ring: usize) -> usize {
        let number = self.tcp(ring);
        let socket = self.sockets.get_mut::<tcp::Socket>(self.handles[number]);
        socket
            .connect(self.interface.context(), (address(3 - self.number), port), local)
            .unwrap();
        number
    }
    fn connected(&mut self, stream: usize) -> bool {
        self.stream(stream).may_send()
    }
    fn write(&mut self, stream: usize, data: &[u8]) -> usize {
        self.stream(stream).send_slice(data).unwrap()
    }
    fn read(&mut self, stream: usize, buffer: &mut [u8]) -> usize {
        self.stream(stream).recv_slice(buffer).unwrap()
    }
    fn udp(&mut self, port: u16) -> usize {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 1024]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        self.handles.push(self.sockets.add(socket));
        self.handles.len() - 1
    }
    fn send(&mut self, socket: usize, port: u16, data: &[u8]) -> bool {
        let to = IpEndpoint::new(address(3 - self.number), port);
        self.socket(socket).send_slice(data, to).is_ok()
    }
    fn receive(&mut self, socket: usize, buffer: &mut [u8]) -> usize {
        match self.socket(socket).recv_slice(buffer) {
            Ok((size, sender)) => {
                self.sender = Some(sender);
                size
            }
            Err(_) => 0,
        }
    }
    fn answer(&mut self, socket: usize, data: &[u8]) -> bool {
        let to = self.sender.unwrap();
        self.socket(socket).send_slice(data, to).is_ok()
    }
}
