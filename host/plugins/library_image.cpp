#include "plugins/library_image.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace epp::plugins {

namespace {

struct Descriptor {
  int fd = -1;
  explicit Descriptor(int opened) : fd(opened) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

std::string failure(std::string_view what, const std::string& path) {
  return std::string(what) + " \"" + path + "\": " + std::strerror(errno);
}

// Executable also where the kernel makes memory files non-executable by default; older kernels do not know the flag.
int memory_file(const std::string& name) {
  const int fd = ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  return fd >= 0 || errno != EINVAL ? fd : ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool write_all(int fd, const char* data, size_t size) {
  while (size != 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

std::string hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

std::string exposure_of(const std::string& path, const struct stat& file) {
  if ((file.st_mode & kWritableByOthers) != 0) return "the file is writable by group or others";
  const std::string directory = std::filesystem::absolute(path).parent_path().string();
  struct stat parent {};
  if (::stat(directory.c_str(), &parent) != 0) return "its directory cannot be examined";
  if ((parent.st_mode & kWritableByOthers) != 0) return "its directory is writable by group or others";
  return {};
}

}  // namespace

std::optional<LibraryImage> LibraryImage::open(const std::string& path, std::string& error) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) {
    error = failure("cannot open", path);
    return std::nullopt;
  }
  struct stat status {};
  if (::fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = "\"" + path + "\" is not a regular file";
    return std::nullopt;
  }

  LibraryImage image;
  image.exposure_ = exposure_of(path, status);
  image.descriptor_ = memory_file(std::filesystem::path(path).filename().string());
  if (image.descriptor_ < 0) {
    error = failure("cannot make a private copy of", path);
    return std::nullopt;
  }

  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool good = digest != nullptr && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1;
  const auto buffer = std::make_unique<std::array<char, 65536>>();
  for (;;) {
    const ssize_t got = ::read(file.fd, buffer->data(), buffer->size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || !good) {
      good = good && got == 0;
      break;
    }
    const auto size = static_cast<size_t>(got);
    good =
        EVP_DigestUpdate(digest.get(), buffer->data(), size) == 1 && write_all(image.descriptor_, buffer->data(), size);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned sum_size = 0;
  if (!good || EVP_DigestFinal_ex(digest.get(), sum.data(), &sum_size) != 1) {
    error = failure("cannot read", path);
    return std::nullopt;
  }
  image.sha256_ = hex({sum.data(), sum_size});
  ::fcntl(image.descriptor_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  // By process id rather than "self", so that debuggers and symbolizers find it too.
  image.load_path_ = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(image.descriptor_);
  return image;
}

LibraryImage::LibraryImage(LibraryImage&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      sha256_(std::move(other.sha256_)),
      exposure_(std::move(other.exposure_)),
      load_path_(std::move(other.load_path_)) {}

LibraryImage::~LibraryImage() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace epp::plugins
