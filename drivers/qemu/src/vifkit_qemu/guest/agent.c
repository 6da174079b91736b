/* The only process of the guest. It loads the drivers, then does what lines on the first serial port say:
 *
 *   hello TOKEN                          say "welcome TOKEN", which is no part of what it was told and may echo
 *   address MAC ADDRESS NETMASK          switch the device with this hardware address on, with an IPv4 address
 *   neighbour MAC ADDRESS LLADDR         tell it another's hardware address, for good
 *   receive ADDRESS PORT SECONDS         count UDP; a line "MICROSECONDS BYTES" for each sample since the first frame
 *   send ADDRESS PORT RATE SECONDS       send UDP at a rate in bits/s
 *
 * It says "ready" first. The last line of an answer is "ok", or "error" with a reason. A new line ends `receive` and
 * `send` before their time, and the power button ends everything. Bytes and rates are those of layer 2, and frames are
 * 1500 bytes long, as in vifkit_conformance.lab.traffic.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ether.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 1500, HEADERS = 14 + 20 + 8, SAMPLE = 10000 /* microseconds */ };

static int line, button = -1, control; /* the serial port, the power button, a socket for ioctl */

static long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Wait until a time (0: for ever), a datagram or a byte on the line. True for a byte. */
static int input(long until, int datagrams)
{
    struct pollfd fds[] = {{line, POLLIN, 0}, {button, POLLIN, 0}, {datagrams, POLLIN, 0}};
    struct input_event event;
    long left = until - microseconds();
    struct timespec timeout = {0, 0};
    if (left > 0)
        timeout = (struct timespec){left / 1000000, left % 1000000 * 1000};
    ppoll(fds, 3, until ? &timeout : NULL, NULL);
    while (fds[1].revents && read(button, &event, sizeof event) == sizeof event)
        if (event.type == EV_KEY && event.code == KEY_POWER)
            reboot(RB_POWER_OFF);
    return fds[0].revents & POLLIN;
}

static struct sockaddr_in ipv4(const char *address, int port)
{
    return (struct sockaddr_in){AF_INET, htons(port), {inet_addr(address)}, {0}};
}

/* Find the name of the device with a hardware address. */
static int find(const char *mac, char *name)
{
    struct ether_addr *wanted = ether_aton(mac);
    struct if_nameindex *devices = if_nameindex();
    struct ifreq request;
    int found = -1;
    for (struct if_nameindex *each = devices; wanted && each->if_index; each++) {
        strcpy(request.ifr_name, each->if_name);
        if (ioctl(control, SIOCGIFHWADDR, &request) == 0 && !memcmp(request.ifr_hwaddr.sa_data, wanted, ETH_ALEN)) {
            strcpy(name, request.ifr_name);
            found = 0;
        }
    }
    if_freenameindex(devices);
    errno = wanted ? ENODEV : EINVAL;
    return found;
}

static int address(const char *mac, const char *own, const char *netmask)
{
    struct ifreq request = {0};
    struct sockaddr_in values[] = {ipv4(own, 0), ipv4(netmask, 0)};
    if (find(mac, request.ifr_name) < 0)
        return -1;
    memcpy(&request.ifr_addr, &values[0], sizeof values[0]);
    if (ioctl(control, SIOCSIFADDR, &request) < 0)
        return -1;
    memcpy(&request.ifr_netmask, &values[1], sizeof values[1]);
    if (ioctl(control, SIOCSIFNETMASK, &request) < 0)
        return -1;
    request.ifr_flags = IFF_UP;
    return ioctl(control, SIOCSIFFLAGS, &request);
}

static int neighbour(const char *mac, const char *other, const char *lladdr)
{
    struct arpreq request = {.arp_flags = ATF_PERM | ATF_COM, .arp_ha.sa_family = ARPHRD_ETHER};
    struct sockaddr_in there = ipv4(other, 0);
    if (find(mac, request.arp_dev) < 0 || !ether_aton_r(lladdr, (struct ether_addr *)request.arp_ha.sa_data))
        return -1;
    memcpy(&request.arp_pa, &there, sizeof there);
    return ioctl(control, SIOCSARP, &request);
}

static int receive(int udp, const char *own, int port, double seconds)
{
    static char buffer[1 << 16];
    struct sockaddr_in here = ipv4(own, port);
    int room = 1 << 22;
    long now = microseconds(), deadline = now + (long)(seconds * 1e6), first = 0, due = 0, total = 0;
    setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (bind(udp, (struct sockaddr *)&here, sizeof here) < 0)
        return -1;
    while (now < deadline && !input(now + SAMPLE, udp)) {
        for (ssize_t size; (size = recv(udp, buffer, sizeof buffer, MSG_DONTWAIT)) >= 0;)
            total += size + HEADERS;
        now = microseconds();
        if (!first && total)
            first = now;
        if (first && now >= due) {
            dprintf(line, "%ld %ld\n", now - first, total);
            due = now + SAMPLE;
        }
    }
    return 0;
}

static int send_udp(int udp, const char *other, int port, double rate, double seconds)
{
    static char payload[FRAME - HEADERS];
    struct sockaddr_in there = ipv4(other, port);
    int yes = 1;
    long started = microseconds(), deadline = started + (long)(seconds * 1e6);
    /* A switch in user space passes frames on as they are, and a sum left to hardware would reach the end wrong. */
    setsockopt(udp, SOL_SOCKET, SO_NO_CHECK, &yes, sizeof yes);
    if (connect(udp, (struct sockaddr *)&there, sizeof there) < 0)
        return -1;
    for (long bits = 0; microseconds() < deadline && !input(started + (long)(bits / rate * 1e6), -1); bits += FRAME * 8)
        /* A full queue, and nobody who listens, are no reason to stop. */
        if (send(udp, payload, sizeof payload, 0) < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
            return -1;
    return 0;
}

static void obey(const char *text)
{
    char a[32], b[32], c[32];
    int port, udp = socket(AF_INET, SOCK_DGRAM, 0), done = -1;
    double rate, seconds;
    errno = ENOSYS;
    if (sscanf(text, "hello %31s", a) == 1)
        done = dprintf(line, "welcome %s\n", a);
    else if (sscanf(text, "address %31s %31s %31s", a, b, c) == 3)
        done = address(a, b, c);
    else if (sscanf(text, "neighbour %31s %31s %31s", a, b, c) == 3)
        done = neighbour(a, b, c);
    else if (sscanf(text, "receive %31s %d %lf", a, &port, &seconds) == 3)
        done = receive(udp, a, port, seconds);
    else if (sscanf(text, "send %31s %d %lf %lf", a, &port, &rate, &seconds) == 4)
        done = send_udp(udp, a, port, rate, seconds);
    dprintf(line, done < 0 ? "error %s\n" : "ok\n", strerror(errno));
    close(udp);
}

/* Open the n-th file of a kind. */
static int numbered(const char *path, int number, int flags)
{
    char name[64];
    snprintf(name, sizeof name, path, number);
    return open(name, flags);
}

int main(void)
{
    char text[128], name[32];
    struct termios raw;
    mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    line = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    tcgetattr(line, &raw);
    cfmakeraw(&raw);
    tcsetattr(line, TCSANOW, &raw);
    for (int module, number = 0; (module = numbered("/modules/%d", number, O_RDONLY)) >= 0; number++, close(module))
        if (syscall(SYS_finit_module, module, "", 0) < 0)
            dprintf(line, "module %d: %s\n", number, strerror(errno));
    for (int event, number = 0; (event = numbered("/dev/input/event%d", number, O_RDONLY | O_NONBLOCK)) >= 0; number++)
        if (ioctl(event, EVIOCGNAME(sizeof name), name) > 0 && !strcmp(name, "Power Button"))
            button = event;
    control = socket(AF_INET, SOCK_DGRAM, 0);
    dprintf(line, "\nready\n");
    for (size_t length = 0;;) {
        input(0, -1);
        if (read(line, text + length, 1) != 1)
            continue;
        if (text[length] != '\n') {
            length = (length + 1) % sizeof text;
            continue;
        }
        text[length] = 0;
        if (length)
            obey(text);
        length = 0;
    }
}
