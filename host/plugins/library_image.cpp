#include "plugins/library_image.h"

#include "plugins/digest.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
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

constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileIdentity identity_of(const struct stat& file) {
  return {file.st_dev, file.st_ino, file.st_size, nanoseconds(file.st_mtim), nanoseconds(file.st_ctim)};
}

// Time stamps advance with the kernel's tick: a file that changed less than this ago may change again without a trace.
constexpr int64_t kUnsettledNs = 100'000'000;

bool settled(const FileIdentity& file) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now) - file.changed_ns > kUnsettledNs;
}

// Who may write it beside root and us; empty: nobody.
std::string other_writer(std::string_view what, const struct stat& entry) {
  if ((entry.st_mode & kWritableByOthers) != 0) return std::string(what) + " is writable by group or others";
  if (entry.st_uid == 0 || entry.st_uid == ::geteuid()) return {};
  return std::string(what) + " belongs to user " + std::to_string(entry.st_uid) +
         ", who is neither root nor the user of this process";
}

std::string exposure_of(const std::string& path, const struct stat& file) {
  if (std::string writer = other_writer("the file", file); !writer.empty()) return writer;
  const std::filesystem::path named = std::filesystem::absolute(path).parent_path();
  struct stat parent {};
  if (::stat(named.c_str(), &parent) != 0) return "its directory cannot be examined";
  if (std::string writer = other_writer("its directory", parent); !writer.empty()) return writer;
  // A link leads elsewhere.
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::canonical(path, failed).parent_path();
  if (failed || ::stat(real.c_str(), &parent) != 0) return "the directory that it leads to cannot be examined";
  return other_writer("the directory that it leads to", parent);
}

}  // namespace

std::optional<FileIdentity> identify_file(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return std::nullopt;
  return identity_of(file);
}

std::string exposure_of(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return "it cannot be examined";
  return exposure_of(path, file);
}

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

  Sha256 digest;
  const auto buffer = std::make_unique<std::array<char, 65536>>();
  bool good = true;
  for (;;) {
    const ssize_t got = ::read(file.fd, buffer->data(), buffer->size());
    if (got < 0 && errno == EINTR) continue;
    good = good && got >= 0;
    if (got <= 0 || !good) break;
    const auto size = static_cast<size_t>(got);
    digest.update({buffer->data(), size});
    good = write_all(image.descriptor_, buffer->data(), size);
  }
  image.sha256_ = good ? digest.finish() : std::string();
  if (image.sha256_.empty()) {
    error = failure("cannot read", path);
    return std::nullopt;
  }
  const FileIdentity before = identity_of(status);
  if (::fstat(file.fd, &status) != 0 || identity_of(status) != before) {
    error = "\"" + path + "\" changed while it was read";
    return std::nullopt;
  }
  if (settled(before)) image.identity_ = before;
  if (::fcntl(image.descriptor_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    error = failure("cannot seal the copy of", path);
    return std::nullopt;
  }
  // By process id rather than "self", so that debuggers and symbolizers find it too.
  image.load_path_ = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(image.descriptor_);
  return image;
}

LibraryImage::LibraryImage(LibraryImage&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      sha256_(std::move(other.sha256_)),
      exposure_(std::move(other.exposure_)),
      identity_(other.identity_),
      load_path_(std::move(other.load_path_)) {}

LibraryImage::~LibraryImage() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace epp::plugins
