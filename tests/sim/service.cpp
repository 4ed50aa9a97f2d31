#include "sim/service.h"

#include "sim/pages.h"
#include "sim/prompt.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace epp::sim {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxBody = std::size_t{256} << 20U;
constexpr std::size_t kHugeMetrics = std::size_t{50} << 20U;
constexpr const char* kJson = "application/json";
constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string_view path_of(const HttpRequest& request) {
  const std::string_view target(request.target().data(), request.target().size());
  return target.substr(0, target.find('?'));
}

// Notices that the client has closed its connection while its request is being worked on.
void watch(const std::shared_ptr<Exchange>& exchange) {
  auto& socket = exchange->stream->socket();
  socket.async_wait(asio::socket_base::wait_read, [exchange](boost::system::error_code error) {
    if (error == asio::error::operation_aborted) return;
    boost::system::error_code ignored;
    // Readable without bytes is the end of the connection; bytes are the client's next request.
    exchange->client_gone = error || exchange->stream->socket().available(ignored) == 0;
    if (exchange->client_gone) exchange->waker.wake();
  });
}

SeenRequest seen_request(const HttpRequest& request) {
  SeenRequest seen{.path = std::string(path_of(request)), .body_bytes = request.body().size()};
  for (const auto& header : request) {
    std::string name(header.name_string());
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    seen.headers[name] = std::string(header.value());
  }
  seen.body = request.body().substr(0, Journal::kMaxBodyBytes);
  return seen;
}

std::string local_address(const asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  const asio::ip::tcp::endpoint local = socket.local_endpoint(ignored);
  return local.address().to_string() + ":" + std::to_string(local.port());
}

}  // namespace

awaitable<void> Waker::wait() {
  if (!awake_) co_await timer_.async_wait(kAwait);
  awake_ = false;
}

void Waker::wake() {
  awake_ = true;
  timer_.cancel();
}

// How far the choices of one request have come.
struct Service::Progress {
  const ApiRequest& request;
  std::unique_ptr<Format> format;
  Waker& waker;
  std::vector<SequenceId> ids = {};             // By choice.
  std::vector<std::uint32_t> tokens_sent = {};  // By choice.
  std::deque<std::size_t> tokens = {};          // The choices that have a new token, in order.
  std::size_t finished = 0;
  bool admitted = false;
  Usage usage = {};

  bool done() const { return finished == ids.size(); }

  void on_event(std::size_t choice, const Event& event) {
    if (event.kind == EventKind::kAdmitted) {
      admitted = true;
      if (request.choices[choice].sample == 0) usage.cached_tokens += event.cached_tokens;
    } else if (event.kind == EventKind::kToken) {
      ++usage.completion_tokens;
      tokens.push_back(choice);
    } else {
      ++finished;
    }
    waker.wake();
  }
};

Service::Service(asio::io_context& io, const ServerOptions& options)
    : io_(io), options_(options), driver_(io, options.engine), random_(options.engine.seed), start_time_(unix_time()) {
  initial_.fail_rate = options.fail_rate;
  control_ = initial_;
}

awaitable<void> Service::serve(asio::ip::tcp::socket socket) {
  auto stream = std::make_shared<boost::beast::tcp_stream>(std::move(socket));
  stream->socket().set_option(asio::ip::tcp::no_delay(true));
  const std::string name = options_.name.empty() ? local_address(stream->socket()) : options_.name;
  boost::beast::flat_buffer buffer;
  for (bool open = true; open;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kMaxBody);
    const auto [error, bytes] = co_await http::async_read(*stream, buffer, parser, kAwait);
    if (error) break;
    const auto exchange = std::make_shared<Exchange>(io_, stream, parser.release(), name);
    watch(exchange);
    open = co_await answer(*exchange);
    // Ends the watch, which would otherwise see the next request.
    boost::system::error_code ignored;
    stream->socket().cancel(ignored);
  }
  boost::system::error_code ignored;
  stream->socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream->socket().close(ignored);
}

// The functions below tell whether the connection can be used for another request.

awaitable<bool> Service::answer(Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  const std::string path(path_of(request));
  if (request.method() == http::verb::get) {
    if (path == "/metrics") co_return co_await send_metrics(exchange);
    if (path == "/health") co_return co_await send(exchange, control_.healthy ? 200 : 503, "text/plain", "");
    if (path == "/v1/models") {
      co_return co_await send(exchange, 200, kJson, models_page(options_, static_cast<std::int64_t>(start_time_)));
    }
    if (path == "/sim/stats") {
      co_return co_await send(exchange, 200, kJson, stats_page(exchange.name, driver_.engine(), journal_));
    }
  }
  if (request.method() == http::verb::post) {
    std::string refused;
    try {
      if (path == "/sim/control") {
        change_control(request.body());
        co_return co_await send(exchange, 200, kJson, "{}");
      }
    } catch (const ApiError& error) {
      refused = error.what();
    }
    if (!refused.empty()) co_return co_await send_error(exchange, 400, refused);
    if (const auto api = api_of_path(path)) co_return co_await infer(exchange, *api);
  }
  co_return co_await send_error(exchange, 404, "no such endpoint: " + path);
}

awaitable<bool> Service::infer(Exchange& exchange, Api api) {
  ApiRequest request;
  std::string refused;
  try {
    request = parse_request(api, exchange.request.body());
  } catch (const ApiError& error) {
    refused = error.what();
  }
  journal_.saw(seen_request(exchange.request), request.model);

  const bool present = co_await wait_while(exchange, [this] { return control_.hang; });
  if (!present) co_return false;
  if (control_.fail_status != 0) co_return co_await send_error(exchange, control_.fail_status, "failure on demand");
  if (std::bernoulli_distribution(control_.fail_rate)(random_)) {
    co_return co_await send_error(exchange, 500, "random failure");
  }
  if (!refused.empty()) co_return co_await send_error(exchange, 400, refused);
  const auto serves = [&](const std::vector<std::string>& names) {
    return std::ranges::count(names, request.model) > 0;
  };
  if (!serves(options_.models) && !serves(options_.loras)) {
    co_return co_await send_error(exchange, 404, "The model `" + request.model + "` does not exist.");
  }
  co_return co_await generate(exchange, request);
}

awaitable<bool> Service::generate(Exchange& exchange, const ApiRequest& request) {
  const std::string id = std::to_string(options_.engine.seed) + "-" + std::to_string(++answers_);
  Progress progress{.request = request,
                    .format = make_format(request, id, static_cast<std::int64_t>(unix_time())),
                    .waker = exchange.waker};
  for (const Choice& choice : request.choices) {
    if (choice.sample == 0) progress.usage.prompt_tokens += count_tokens(choice.prompt);
  }
  if (request.api == Api::kCountTokens)
    co_return co_await send(exchange, 200, kJson, progress.format->whole(progress.usage));

  const bool queued = submit_all(request, progress);
  if (!queued) co_return co_await send_error(exchange, 503, "the request does not fit into the queue or the KV cache");
  bool reusable = false;
  if (request.stream) {
    reusable = co_await stream_tokens(exchange, progress);
  } else {
    while (!progress.done() && !exchange.client_gone)
      co_await exchange.waker.wait();
    if (progress.done()) {
      reusable =
          co_await send(exchange, 200, kJson, progress.format->whole(progress.usage), progress.usage.cached_tokens);
    }
  }

  const bool completed = progress.done();
  for (std::size_t i = 0; i < request.choices.size(); ++i) {
    driver_.abort(progress.ids[i]);  // Of what has finished nothing is left.
    ++journal_.finished[!completed ? "abort" : request.choices[i].stops_by_itself ? "stop" : "length"];
  }
  co_return reusable;
}

bool Service::submit_all(const ApiRequest& request, Progress& progress) {
  const bool is_lora = std::ranges::count(options_.loras, request.model) > 0;
  progress.tokens_sent.resize(request.choices.size());
  for (std::size_t i = 0; i < request.choices.size(); ++i) {
    const Choice& choice = request.choices[i];
    Sequence sequence{
        .lora = is_lora ? request.model : std::string(),
        .chain = block_chain(choice.prompt, options_.engine.block_size, request.model, request.cache_salt),
        .prompt_tokens = std::max(1U, count_tokens(choice.prompt)),
        .output_tokens = choice.output_tokens};
    const auto [result, id] =
        driver_.submit(std::move(sequence), [&progress, i](const Event& event) { progress.on_event(i, event); });
    if (result != SubmitResult::kQueued) {
      for (const SequenceId queued : progress.ids)
        driver_.abort(queued);
      return false;
    }
    progress.ids.push_back(id);
  }
  return true;
}

awaitable<bool> Service::stream_tokens(Exchange& exchange, Progress& progress) {
  while (!progress.admitted && !exchange.client_gone)
    co_await exchange.waker.wait();
  if (exchange.client_gone) co_return false;

  http::response<http::empty_body> head(http::status::ok, 11);
  head.set(http::field::content_type, "text/event-stream; charset=utf-8");
  head.set("x-sim-endpoint", exchange.name);
  head.set("x-sim-prefix-hit-tokens", std::to_string(progress.usage.cached_tokens));
  head.chunked(true);
  http::response_serializer<http::empty_body> serializer(head);
  const auto [head_error, head_bytes] = co_await http::async_write_header(*exchange.stream, serializer, kAwait);
  if (head_error) co_return false;

  std::string events = progress.format->begin(progress.usage);
  for (bool ended = false; !ended;) {
    while (events.empty() && progress.tokens.empty() && !progress.done() && !exchange.client_gone) {
      co_await exchange.waker.wait();
    }
    if (exchange.client_gone) co_return false;
    for (; !progress.tokens.empty(); progress.tokens.pop_front()) {
      const std::size_t choice = progress.tokens.front();
      events += progress.format->token(choice, progress.tokens_sent[choice]++);
    }
    if (progress.done()) {
      events += progress.format->end(progress.usage);
      ended = true;
    }
    const auto [error, bytes] =
        co_await asio::async_write(*exchange.stream, http::make_chunk(asio::buffer(events)), kAwait);
    if (error) co_return false;
    events.clear();
  }
  const auto [error, bytes] = co_await asio::async_write(*exchange.stream, http::make_chunk_last(), kAwait);
  co_return !error && exchange.request.keep_alive();
}

awaitable<bool> Service::send_metrics(Exchange& exchange) {
  const bool present = co_await wait_while(exchange, [this] { return control_.metrics_fault == MetricsFault::kHang; });
  if (!present) co_return false;
  if (control_.metrics_fault == MetricsFault::kError) co_return co_await send_error(exchange, 500, "failure on demand");
  const PageInfo info{.model = options_.models.front(),
                      .unix_time = unix_time(),
                      .start_time = start_time_,
                      .overrides = control_.metrics,
                      .finished = journal_.finished,
                      .http_requests = journal_.by_path};
  std::string page = metrics_page(options_.kind, driver_.engine(), info);
  if (control_.metrics_fault == MetricsFault::kGarbage) page = "<html>not { metrics\n\xff\xfe = 1.2.3\n";
  if (control_.metrics_fault == MetricsFault::kTruncated) page.resize(page.size() / 2);
  if (control_.metrics_fault == MetricsFault::kHuge) {
    const std::string line = "# " + std::string(125, 'x') + "\n";
    while (page.size() < kHugeMetrics)
      page += line;
  }
  co_return co_await send(exchange, 200, kPrometheus, std::move(page));
}

// False if the client has gone meanwhile.
awaitable<bool> Service::wait_while(Exchange& exchange, std::function<bool()> condition) {
  hanging_.insert(&exchange);
  while (condition() && !exchange.client_gone)
    co_await exchange.waker.wait();
  hanging_.erase(&exchange);
  co_return !exchange.client_gone;
}

awaitable<bool> Service::send(Exchange& exchange, unsigned status, std::string content_type, std::string body,
                              std::uint64_t prefix_hit_tokens) {
  HttpResponse response(static_cast<http::status>(status), 11);
  response.set(http::field::content_type, content_type);
  response.set("x-sim-endpoint", exchange.name);
  response.set("x-sim-prefix-hit-tokens", std::to_string(prefix_hit_tokens));
  response.keep_alive(exchange.request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  const auto [error, bytes] = co_await http::async_write(*exchange.stream, response, kAwait);
  co_return !error && response.keep_alive();
}

awaitable<bool> Service::send_error(Exchange& exchange, unsigned status, const std::string& message) {
  ++journal_.failed;
  return send(exchange, status, kJson, error_body(status, message, path_of(exchange.request)));
}

void Service::change_control(std::string_view body) {
  control_ = changed(control_, initial_, body);
  driver_.set_slowness(control_.slow);
  for (Exchange* exchange : hanging_)
    exchange->waker.wake();
  const auto closed_for = std::exchange(control_.stop_accepting, std::chrono::milliseconds(0));
  if (closed_for.count() > 0) on_stop_accepting(closed_for);
}

}  // namespace epp::sim
