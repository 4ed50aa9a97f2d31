#include "kube/token_file.h"

#include "kube/cluster_config.h"
#include "kube/encoding.h"
#include "kube/small_file.h"

#include <utility>

namespace epp::kube {
namespace {

constexpr std::size_t kMaxTokenBytes = 64u << 10;

}  // namespace

TokenFile::TokenFile(std::string path, std::chrono::milliseconds max_age, TimePoint now)
    : path_(std::move(path)), max_age_(max_age), read_at_(now) {
  if (read(now)) return;
  const FileText file = read_small_file(path_, kMaxTokenBytes);
  throw ConfigError(path_ + ": no token: " + (file.text ? "the file is empty or no text" : file.error));
}

bool TokenFile::read(TimePoint now) {
  const FileText file = read_small_file(path_, kMaxTokenBytes);
  if (!file.text) return false;
  const std::string_view token = trim(*file.text);
  if (token.empty() || !is_header_text(token)) return false;
  token_ = std::string(token);
  read_at_ = now;
  return true;
}

std::string TokenFile::token(TimePoint now) {
  std::lock_guard lock(mutex_);
  if (now - read_at_ >= max_age_) read(now);
  return token_;
}

bool TokenFile::refused(std::string_view token, TimePoint now) {
  std::lock_guard lock(mutex_);
  if (token_ == token) read(now);
  return token_ != token;
}

}  // namespace epp::kube
