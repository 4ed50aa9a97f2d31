#include "kube/small_file.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace epp::kube {

FileText read_small_file(const std::string& path, std::size_t limit) {
  const auto failure = [](int code) {
    return FileText{std::nullopt, code == ENOENT || code == ENOTDIR, std::generic_category().message(code)};
  };
  // Not to be held up by a FIFO that stands where a file should.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return failure(errno);
  std::string text;
  std::array<char, 16u << 10> piece;
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      const int code = errno;
      ::close(fd);
      return failure(code);
    }
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > limit) {
      ::close(fd);
      return {std::nullopt, false, "larger than " + std::to_string(limit) + " bytes"};
    }
  }
  ::close(fd);
  return {std::move(text), false, {}};
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace epp::kube
