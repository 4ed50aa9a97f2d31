// May the bearer of this token do that? TokenReview, then SubjectAccessReview with non-resource attributes; both are
// remembered for a while, in bounded memory, under a hash of the token.
#pragma once

#include "kube/client.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace epp::net {
class IoPool;
}

namespace epp::kube {

enum class Verdict : std::uint8_t {
  kAllowed,
  kUnauthenticated,       // no token, or the server does not know it
  kAuthenticationFailed,  // the TokenReview call failed
  kDenied,
  kAuthorizationFailed,  // the SubjectAccessReview call failed
};

struct ReviewAnswer {
  Verdict verdict = Verdict::kAuthenticationFailed;
  std::string user;  // of kDenied and kAuthorizationFailed
};

struct ReviewerOptions {
  std::chrono::milliseconds timeout{10'000};
  std::chrono::milliseconds token_ttl{60'000};
  std::chrono::milliseconds allowed_ttl{300'000};
  std::chrono::milliseconds denied_ttl{30'000};
  std::size_t max_entries = 1024;  // of each cache; the oldest goes
  unsigned attempts = 5;           // 500 ms x 1.5 between them, jitter 0.2
  std::chrono::milliseconds first_wait{500};
  std::size_t max_open = 64;  // different questions of each kind under way; further ones fail at once
  // How each call of the API server ended: empty when well, else why. [pool threads] May be empty.
  std::function<void(std::string_view why)> on_call = {};
};

// A client of its own keeps strangers who try tokens from using up the rate of the watches.
class AccessReviewer {
 public:
  using Callback = std::function<void(ReviewAnswer)>;

  // Both outlive this.
  AccessReviewer(Client& client, net::IoPool& pool, const ReviewerOptions& options = {});
  ~AccessReviewer();  // callbacks that did not run yet are dropped
  AccessReviewer(const AccessReviewer&) = delete;
  AccessReviewer& operator=(const AccessReviewer&) = delete;

  // `path` as in the request, `verb` in lower case. The callback runs once, inside this call when both are remembered,
  // else on a pool thread. Equal questions that are under way are asked once. [any-thread]
  void review(std::string_view token, std::string_view path, std::string_view verb, Callback callback);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace epp::kube
