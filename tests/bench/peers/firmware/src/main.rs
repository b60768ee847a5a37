//! A board that talks TCP and UDP to an echo server over smoltcp: linked to see its size, not run.
#![no_std]
#![no_main]

use core::ptr::{addr_of_mut, read_volatile, write_volatile};

use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// Registers of no particular Ethernet controller: one frame each way, in memory that it shares.
const STATUS: *mut u32 = 0x4000_1000 as *mut u32;
const RECEIVED: *mut u32 = 0x4000_1004 as *mut u32;
const SENT: *mut u32 = 0x4000_1008 as *mut u32;
const MILLISECONDS: *mut u32 = 0x4000_100c as *mut u32;
const FRAME: *mut u8 = 0x2000_8000 as *mut u8;
const LONGEST: usize = 1514;

struct Ethernet;
struct Token;

impl Device for Ethernet {
    type RxToken<'a> = Token;
    type TxToken<'a> = Token;
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = LONGEST;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
    fn receive(&mut self, _now: Instant) -> Option<(Token, Token)> {
        (unsafe { read_volatile(STATUS) } & 1 != 0).then_some((Token, Token))
    }
    fn transmit(&mut self, _now: Instant) -> Option<Token> {
        (unsafe { read_volatile(STATUS) } & 2 != 0).then_some(Token)
    }
}
impl RxToken for Token {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let size = unsafe { read_volatile(RECEIVED) } as usize;
        f(unsafe { core::slice::from_raw_parts(FRAME, size) })
    }
}
impl TxToken for Token {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, size: usize, f: F) -> R {
        let result = f(unsafe { core::slice::from_raw_parts_mut(FRAME, size) });
        unsafe { write_volatile(SENT, size as u32) };
        result
    }
}

static mut RINGS: [[u8; 1024]; 4] = [[0; 1024]; 4];
static mut ABOUT: [[udp::PacketMetadata; 4]; 2] = [[udp::PacketMetadata::EMPTY; 4]; 2];
static mut SOCKETS: [SocketStorage<'static>; 4] = [SocketStorage::EMPTY; 4];

#[no_mangle]
pub unsafe extern "C" fn main() -> ! {
    let now = || Instant::from_millis(i64::from(unsafe { read_volatile(MILLISECONDS) }));
    let mut device = Ethernet;
    let mut interface = Interface::new(Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into()), &mut device, now());
    let [a, b, c, d] = &mut *addr_of_mut!(RINGS);
    let [e, f] = &mut *addr_of_mut!(ABOUT);
    let mut sockets = SocketSet::new(&mut *addr_of_mut!(SOCKETS) as &mut [_]);
    let stream = sockets.add(tcp::Socket::new(tcp::SocketBuffer::new(&mut a[..]), tcp::SocketBuffer::new(&mut b[..])));
    let socket = sockets.add(udp::Socket::new(
        udp::PacketBuffer::new(&mut e[..], &mut c[..]),
        udp::PacketBuffer::new(&mut f[..], &mut d[..]),
    ));
    #[cfg(feature = "client-configured")]
    let dhcp = sockets.add(smoltcp::socket::dhcpv4::Socket::new());
    #[cfg(feature = "client-configured")]
    let (dns, mut query) = {
        static mut QUERIES: [Option<smoltcp::socket::dns::DnsQuery>; 1] = [None];
        let servers = [IpAddress::v4(192, 0, 2, 53)];
        (sockets.add(smoltcp::socket::dns::Socket::new(&servers, &mut *addr_of_mut!(QUERIES) as &mut [_])), None)
    };
    #[cfg(not(feature = "client-configured"))]
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(IpAddress::v4(192, 0, 2, 2), 24));
    });
    let mut peer = IpAddress::v4(192, 0, 2, 1);
    let _ = sockets.get_mut::<udp::Socket>(socket).bind(4000);
    loop {
        interface.poll(now(), &mut device, &mut sockets);
        #[cfg(feature = "client-configured")]
        {
            use smoltcp::socket::{dhcpv4, dns as names};
            if let Some(dhcpv4::Event::Configured(config)) = sockets.get_mut::<dhcpv4::Socket>(dhcp).poll() {
                let (address, router) = (config.address, config.router);
                interface.update_ip_addrs(|addresses| {
                    let _ = addresses.push(IpCidr::Ipv4(address));
                });
                if let Some(router) = router {
                    let _ = interface.routes_mut().add_default_ipv4_route(router);
                }
            }
            let names = sockets.get_mut::<names::Socket>(dns);
            match query {
                None => {
                    let kind = smoltcp::wire::DnsQueryType::A;
                    query = names.start_query(interface.context(), "echo.example", kind).ok();
                }
                Some(asked) => {
                    if let Ok(found) = names.get_query_result(asked) {
                        peer = found[0];
                    }
                }
            }
        }
        let tcp = sockets.get_mut::<tcp::Socket>(stream);
        if !tcp.is_open() {
            let _ = tcp.connect(interface.context(), (peer, 7), 4000);
        }
        let mut buffer = [0; 64];
        if let Ok(size) = tcp.recv_slice(&mut buffer) {
            let _ = tcp.send_slice(&buffer[..size]);
        }
        let udp = sockets.get_mut::<udp::Socket>(socket);
        if udp.recv_slice(&mut buffer).is_ok() {
            let _ = udp.send_slice(&buffer, (peer, 7));
        }
        peer = core::hint::black_box(peer);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
