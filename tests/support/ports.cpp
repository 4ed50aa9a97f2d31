#include "support/ports.h"

#include <cerrno>
#include <mutex>
#include <random>
#include <set>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// 0: a port of the kernel's choice. 0 is returned when the port is taken.
std::uint16_t try_port(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int error = errno;
  close(fd);
  if (bound) return ntohs(address.sin_port);
  if (error == EADDRINUSE) return 0;
  throw std::system_error(error, std::generic_category(), "bind");
}

bool first_use_of(std::uint16_t port) {
  static std::mutex mutex;
  static std::set<std::uint16_t> given;
  const std::lock_guard lock(mutex);
  return given.insert(port).second;
}

}  // namespace

std::uint16_t free_port() {
  for (;;) {
    const std::uint16_t port = try_port(0);
    if (port != 0 && first_use_of(port)) return port;
  }
}

std::uint16_t free_fixed_port() {
  // Below the range from which the kernel takes ports for clients (32768 and up).
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> any(20000, 32767);
  for (;;) {
    const auto port = static_cast<std::uint16_t>(any(random));
    if (try_port(port) != 0 && first_use_of(port)) return port;
  }
}

bool accepts(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

}  // namespace epp::testing
