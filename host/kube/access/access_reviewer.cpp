#include "kube/access/access_reviewer.h"

#include "kube/access/review_call.h"
#include "kube/object_reader.h"
#include "kube/objects.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

namespace epp::kube {
namespace {

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string token_review(std::string_view token) {
  return dump({{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenReview"}, {"spec", {{"token", token}}}});
}

std::string access_review(const TokenReview& user, std::string_view path, std::string_view verb) {
  Json spec{{"user", user.username}, {"nonResourceAttributes", {{"path", path}, {"verb", verb}}}};
  if (!user.uid.empty()) spec["uid"] = user.uid;
  if (!user.groups.empty()) spec["groups"] = user.groups;
  for (const auto& [key, values] : user.extra)
    spec["extra"][key] = values;
  return dump({{"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}, {"spec", std::move(spec)}});
}

template <class Answer, Read<Answer> (*read)(const Json&)>
std::optional<Answer> read_answer(const std::string& body, std::string& why) {
  const std::optional<Json> json = read_object(body, why);
  if (!json) return std::nullopt;
  Read<Answer> answer = read(*json);
  if (auto* good = std::get_if<Answer>(&answer)) return std::move(*good);
  const Invalid& invalid = std::get<Invalid>(answer);
  why = invalid.field + " " + invalid.text;
  return std::nullopt;
}

}  // namespace

std::string digest(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

bool is_passing(const ApiResult& result) {
  return result.status == 0 || result.status == 429 || result.status >= 500;
}

std::chrono::milliseconds review_wait(std::chrono::milliseconds first_wait, unsigned attempt, double random) {
  constexpr double kFactor = 1.5;
  constexpr double kJitter = 0.2;
  const double wait = static_cast<double>(first_wait.count()) * std::pow(kFactor, attempt - 1) * (1 + kJitter * random);
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(wait));
}

struct AccessReviewer::State {
  State(Client& client, net::IoPool& pool, const ReviewerOptions& options)
      : tokens(std::make_shared<ReviewCall<TokenReview>>(
            client, pool, options,
            ReviewCall<TokenReview>::Kind{.path = "/apis/authentication.k8s.io/v1/tokenreviews",
                                          .read = read_answer<TokenReview, read_token_review>,
                                          .ttl =
                                              [ttl = options.token_ttl](const TokenReview& review) {
                                                return review.authenticated ? ttl : std::chrono::milliseconds(0);
                                              }})),
        accesses(std::make_shared<ReviewCall<bool>>(
            client, pool, options,
            ReviewCall<bool>::Kind{.path = "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                   .read = read_answer<bool, read_access_review>,
                                   .ttl = [yes = options.allowed_ttl, no = options.denied_ttl](const bool& allowed) {
                                     return allowed ? yes : no;
                                   }})) {}

  std::shared_ptr<ReviewCall<TokenReview>> tokens;
  std::shared_ptr<ReviewCall<bool>> accesses;
};

AccessReviewer::AccessReviewer(Client& client, net::IoPool& pool, const ReviewerOptions& options)
    : state_(std::make_shared<State>(client, pool, options)) {}

AccessReviewer::~AccessReviewer() {
  state_->tokens->stop();
  state_->accesses->stop();
}

void AccessReviewer::review(std::string_view token, std::string_view path, std::string_view verb, Callback callback) {
  if (token.empty()) {
    callback({.verdict = Verdict::kUnauthenticated, .user = {}});
    return;
  }
  const auto authorize = [accesses = state_->accesses, path = std::string(path), verb = std::string(verb),
                          callback = std::move(callback)](const std::optional<TokenReview>& user) {
    if (!user) return callback({.verdict = Verdict::kAuthenticationFailed, .user = {}});
    if (!user->authenticated) return callback({.verdict = Verdict::kUnauthenticated, .user = {}});
    std::string question = access_review(*user, path, verb);
    const std::string key = digest(question);
    accesses->ask(key, std::move(question), [callback, name = user->username](const std::optional<bool>& allowed) {
      if (!allowed) return callback({.verdict = Verdict::kAuthorizationFailed, .user = name});
      callback({.verdict = *allowed ? Verdict::kAllowed : Verdict::kDenied, .user = name});
    });
  };
  state_->tokens->ask(digest(token), token_review(token), authorize);
}

}  // namespace epp::kube
