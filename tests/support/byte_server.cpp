#include "support/byte_server.h"

#include <array>
#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epp::testing {
namespace {

std::shared_ptr<SSL_CTX> server_context(const KeyPair& pair) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> certificate_text(
      BIO_new_mem_buf(pair.certificate.data(), static_cast<int>(pair.certificate.size())), BIO_free_all);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> key_text(
      BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size())), BIO_free_all);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    throw std::runtime_error("unusable key pair");
  }
  return context;
}

// OpenSSL writes to a socket whose peer has gone. Only for this thread: child processes would inherit more.
void block_sigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

ByteStream::ByteStream(int fd, SSL_CTX* tls) : fd_(fd) {
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls);
  SSL_set_fd(ssl_, fd);
}

ByteStream::~ByteStream() {
  SSL_free(ssl_);
  ::close(fd_);
}

// In the connection's own thread: a peer that never says anything holds up nobody else.
bool ByteStream::handshake() {
  if (ssl_ != nullptr && !shaken_) shaken_ = SSL_accept(ssl_) == 1;
  return ssl_ == nullptr || shaken_;
}

std::string ByteStream::read() {
  if (!handshake()) return {};
  std::array<char, 16384> bytes;
  const auto size = ssl_ != nullptr ? SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                    : recv(fd_, bytes.data(), bytes.size(), 0);
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : std::string();
}

bool ByteStream::write(std::string_view bytes) {
  if (!handshake()) return false;
  while (!bytes.empty()) {
    const auto size = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                      : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void ByteStream::close() {
  shutdown(fd_, SHUT_RDWR);
}

bool ByteStream::stirred() const {
  pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
  return poll(&readable, 1, 0) > 0;
}

ByteServer::ByteServer(const std::optional<KeyPair>& tls, Handler handler) : handler_(std::move(handler)) {
  if (tls) tls_ = server_context(*tls);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, SOMAXCONN) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ::close(listener_);
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ByteServer::~ByteServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  close_all();
  for (Connection& connection : connections_)
    connection.thread.join();
}

void ByteServer::accept_all() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::lock_guard lock(mutex_);
    reap();
    Connection& connection = connections_.emplace_back();
    connection.stream = std::make_unique<ByteStream>(fd, tls_.get());
    connection.thread = std::thread([this, &connection] {
      block_sigpipe();
      handler_(*connection.stream);
      connection.over = true;
      connection.stream->close();
    });
  }
}

// Under the lock.
void ByteServer::reap() {
  connections_.remove_if([](Connection& connection) {
    if (!connection.over) return false;
    connection.thread.join();
    return true;
  });
}

void ByteServer::close_all() {
  const std::lock_guard lock(mutex_);
  for (Connection& connection : connections_)
    connection.stream->close();
}

}  // namespace epp::testing
