#include "kube/client.h"

#include "kube/encoding.h"
#include "kube/rate_limiter.h"
#include "kube/token_file.h"
#include "net/io_pool.h"
#include "net/timer.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::size_t kMaxErrorBytes = 64u << 10;

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What a metav1.Status says.
void read_status(ApiResult& result) {
  if (is_success(result.status)) return;
  const Json body = Json::parse(result.body, nullptr, false);
  if (!body.is_object() || text_member(body, "kind") != "Status") return;
  result.reason = text_member(body, "reason");
  result.text = text_member(body, "message");
}

// Retry-After in seconds; the form with a date is not used by API servers.
std::optional<milliseconds> retry_after(const net::HttpResponse& response) {
  if (response.status != 429 && response.status != 503) return std::nullopt;
  const std::string_view text = response.headers.get("retry-after");
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return milliseconds(std::chrono::seconds(std::min(seconds, 86'400u)));
}

}  // namespace

struct ApiCall::State : std::enable_shared_from_this<State> {
  State(std::shared_ptr<Client::Impl> owner, ApiRequest given, Client::Callback then);

  // Waits, then makes an attempt. An over-long wait ends the call with what there is in `result`.
  void attempt_after(std::chrono::nanoseconds wait, ApiResult so_far);
  void attempt();
  void answered(net::HttpResult http);
  void finish(ApiResult result);
  void cancel();

  [[nodiscard]] net::HttpRequest make_request();
  [[nodiscard]] net::HttpCallOptions make_options(Clock::time_point now);
  [[nodiscard]] ApiResult make_result(net::HttpResult http);

  const std::shared_ptr<Client::Impl> client;
  ApiRequest request;
  Client::Callback callback;
  const Clock::time_point deadline;
  std::string token;  // of the attempt under way
  unsigned retries = 0;
  bool token_retried = false;
  unsigned streamed_status = 0;  // with on_data
  std::string error_body;

  std::mutex mutex;  // guards the rest
  enum class Phase { kWaiting, kSent, kDone } phase = Phase::kWaiting;
  bool cancelled = false;
  net::HttpCall http_call;
  net::Timer timer;
};

struct Client::Impl : std::enable_shared_from_this<Impl> {
  Impl(net::IoPool& io, ClusterConfig cluster, ClientOptions given)
      : pool(io),
        config(std::move(cluster)),
        options(std::move(given)),
        limiter(options.requests_per_second, options.burst) {
    if (!config.token_file.empty()) token_file.emplace(config.token_file, options.token_max_age, Clock::now());
    net::HttpClientOptions http_options;
    if (config.server.tls) http_options.tls = config.tls;
    http_options.max_idle_per_origin = 4;
    http_options.dead_peer_timeout = options.dead_peer_timeout;
    http_options.user_agent = options.user_agent;
    try {
      http = std::make_unique<net::HttpClient>(pool, std::move(http_options));
    } catch (const std::runtime_error& fault) {
      throw ConfigError(config.origin_text + ": " + fault.what());
    }
  }

  net::IoPool& pool;
  const ClusterConfig config;
  const ClientOptions options;
  RateLimiter limiter;
  std::optional<TokenFile> token_file;

  std::mutex mutex;                       // guards the rest
  std::unique_ptr<net::HttpClient> http;  // gone once the client is
  std::unordered_set<std::shared_ptr<ApiCall::State>> calls;
};

ApiCall::State::State(std::shared_ptr<Client::Impl> owner, ApiRequest given, Client::Callback then)
    : client(std::move(owner)),
      request(std::move(given)),
      callback(std::move(then)),
      deadline(request.total_timeout.count() > 0 ? Clock::now() + request.total_timeout : Clock::time_point::max()),
      timer(client->pool) {}

net::HttpRequest ApiCall::State::make_request() {
  const ClusterConfig& config = client->config;
  net::HttpRequest http;
  http.method = request.method;
  http.target = config.base_path + request.path;
  if (!request.query.empty()) http.target += "?" + request.query;
  http.headers.add("Accept", "application/json");
  if (!request.body.empty()) http.headers.add("Content-Type", request.content_type);
  token = client->token_file ? client->token_file->token(Clock::now()) : config.token;
  if (!token.empty()) {
    http.headers.add("Authorization", "Bearer " + token);
  } else if (!config.username.empty()) {
    http.headers.add("Authorization", "Basic " + encode_base64(config.username + ":" + config.password));
  }
  for (const auto& [name, value] : config.impersonation)
    http.headers.add(name, value);
  http.body = request.body;
  return http;
}

net::HttpCallOptions ApiCall::State::make_options(Clock::time_point now) {
  net::HttpCallOptions options;
  options.timeout = request.timeout;
  if (deadline != Clock::time_point::max()) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(deadline - now), milliseconds(1));
    options.timeout = options.timeout.count() > 0 ? std::min(options.timeout, left) : left;
  }
  options.connect_timeout = client->options.connect_timeout;
  options.idle_timeout = request.idle_timeout;
  options.head_timeout = request.head_timeout;
  options.max_body_bytes = request.max_body_bytes;
  streamed_status = 0;
  error_body.clear();
  if (!request.on_data) return options;
  // The call outlives the exchange: its callback holds it.
  options.on_head = [this](const net::HttpResponse& head) {
    streamed_status = head.status;
    if (is_success(head.status) && request.on_open) request.on_open();
    return true;
  };
  options.on_data = [this](std::string_view piece) {
    if (is_success(streamed_status)) return request.on_data(piece);
    error_body.append(piece.substr(0, kMaxErrorBytes - std::min(kMaxErrorBytes, error_body.size())));
    return error_body.size() < kMaxErrorBytes;
  };
  return options;
}

void ApiCall::State::attempt_after(std::chrono::nanoseconds wait, ApiResult so_far) {
  if (deadline != Clock::time_point::max() && wait > deadline - Clock::now()) {
    if (so_far.status == 0) {
      so_far.error = net::NetError::kTimeout;
      so_far.message = "deadline exceeded while waiting for its turn";
    }
    // Never inside send().
    client->pool.post([self = shared_from_this(), result = std::move(so_far)] { self->finish(result); });
    return;
  }
  if (wait.count() <= 0) return attempt();
  std::lock_guard lock(mutex);
  if (cancelled) return;  // cancel() sees to the rest
  phase = Phase::kWaiting;
  // The client's list holds the call meanwhile.
  timer.once(wait, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->attempt();
  });
}

void ApiCall::State::attempt() {
  net::HttpRequest http = make_request();
  net::HttpCallOptions options = make_options(Clock::now());
  std::scoped_lock lock(mutex, client->mutex);
  if (cancelled || !client->http) return;  // cancel() sees to the rest
  phase = Phase::kSent;
  http_call =
      client->http->send(client->config.server, std::move(http), std::move(options),
                         [self = shared_from_this()](net::HttpResult result) { self->answered(std::move(result)); });
}

ApiResult ApiCall::State::make_result(net::HttpResult http) {
  ApiResult result;
  result.what = request.method + " " + request.path;
  result.error = http.error;
  result.message = std::move(http.message);
  // An error's body that is cut short, or was longer than we keep, still is an answer.
  const bool answered_error = streamed_status != 0 && !is_success(streamed_status);
  if (http.ok() || answered_error) {
    result.error = net::NetError::kNone;
    result.message.clear();
    result.status = answered_error ? streamed_status : http.response.status;
    result.body = request.on_data ? std::move(error_body) : std::move(http.response.body);
  }
  read_status(result);
  return result;
}

void ApiCall::State::answered(net::HttpResult http) {
  const auto wait = http.ok() ? retry_after(http.response) : std::nullopt;
  ApiResult result = make_result(std::move(http));
  {
    std::lock_guard lock(mutex);
    phase = Phase::kWaiting;
    http_call = {};
    if (cancelled) {
      result.error = net::NetError::kCancelled;
      result.message = "cancelled";
    }
  }
  if (result.error != net::NetError::kNone) return finish(std::move(result));
  if (result.status == 401 && !token_retried && client->token_file &&
      client->token_file->refused(token, Clock::now())) {
    token_retried = true;
    return attempt_after(client->limiter.reserve(Clock::now()), std::move(result));
  }
  if (wait && retries < client->options.max_retries) {
    ++retries;
    const std::chrono::nanoseconds told = std::min(*wait, client->options.max_retry_after);
    return attempt_after(std::max(told, client->limiter.reserve(Clock::now())), std::move(result));
  }
  finish(std::move(result));
}

void ApiCall::State::finish(ApiResult result) {
  {
    std::lock_guard lock(mutex);
    if (phase == Phase::kDone) return;
    phase = Phase::kDone;
  }
  {
    std::lock_guard lock(client->mutex);
    client->calls.erase(shared_from_this());
  }
  const Client::Callback then = std::exchange(callback, nullptr);
  if (then) then(std::move(result));
}

void ApiCall::State::cancel() {
  net::HttpCall sent;
  {
    std::lock_guard lock(mutex);
    if (std::exchange(cancelled, true) || phase == Phase::kDone) return;
    if (phase == Phase::kSent) sent = http_call;
    if (phase == Phase::kWaiting) {
      ApiResult result;
      result.what = request.method + " " + request.path;
      result.error = net::NetError::kCancelled;
      result.message = "cancelled";
      client->pool.post([self = shared_from_this(), result] { self->finish(result); });
    }
  }
  sent.cancel();
}

void ApiCall::cancel() {
  if (state_) state_->cancel();
}

std::string ApiResult::describe() const {
  std::string line = what + ": ";
  if (error != net::NetError::kNone) {
    return line + (message.empty() ? std::string(net::to_string(error)) : message);
  }
  line += std::to_string(status);
  if (!reason.empty()) line += " " + reason;
  if (!text.empty()) line += ": " + text;
  return line;
}

Client::Client(net::IoPool& pool, ClusterConfig config, ClientOptions options)
    : impl_(std::make_shared<Impl>(pool, std::move(config), std::move(options))) {}

Client::~Client() {
  // What is in flight is then held by its own handlers alone, so that a stopped pool takes it along.
  std::unordered_set<std::shared_ptr<ApiCall::State>> open;
  std::unique_ptr<net::HttpClient> http;
  {
    std::lock_guard lock(impl_->mutex);
    open.swap(impl_->calls);
    http.swap(impl_->http);
  }
  for (const auto& call : open)
    call->cancel();
}

ApiCall Client::send(ApiRequest request, Callback callback) {
  auto call = std::make_shared<ApiCall::State>(impl_, std::move(request), std::move(callback));
  {
    std::lock_guard lock(impl_->mutex);
    impl_->calls.insert(call);
  }
  ApiResult nothing;
  nothing.what = call->request.method + " " + call->request.path;
  call->attempt_after(impl_->limiter.reserve(Clock::now()), std::move(nothing));
  return ApiCall(call);
}

const ClusterConfig& Client::config() const {
  return impl_->config;
}

}  // namespace epp::kube
