// SHA-256, as pins and reports write it.
#pragma once

#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace epp::plugins {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  // 64 lower-case hex digits; empty when the library behind it failed. Once.
  std::string finish();

 private:
  evp_md_ctx_st* context_;
  bool good_;
};

std::string sha256_of(std::string_view bytes);

}  // namespace epp::plugins
