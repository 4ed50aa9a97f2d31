// epp-try: where does a running EPP send this request?
#include "options.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <nlohmann/json.hpp>

namespace {

using namespace epp::trial;
using nlohmann::ordered_json;

constexpr int kExitRefused = 1;  // or failed

std::shared_ptr<grpc::ChannelCredentials> credentials(bool tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  return grpc::experimental::TlsCredentials(options);
}

// What is not UTF-8 is shown with replacement characters.
void print(const ordered_json& document) {
  std::cout << document.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::round(static_cast<double>(time.count()) / 1e3) / 1e3;
}

// Values of a header that comes more than once are joined, as HTTP allows.
ordered_json to_json(const Headers& headers) {
  ordered_json out = ordered_json::object();
  for (const auto& [name, value] : headers)
    out[name] = out.contains(name) ? out[name].get<std::string>() + ", " + value : value;
  return out;
}

void describe(const Routed& routed, const Question& question, ordered_json& out) {
  out["endpoint"] = routed.endpoint;
  out["setHeaders"] = to_json(routed.set_headers);
  if (!routed.removed_headers.empty()) out["removedHeaders"] = routed.removed_headers;
  if (routed.body != question.body) out["body"] = routed.body;
  if (!routed.metadata.empty()) out["metadata"] = ordered_json::parse(routed.metadata);
  if (!routed.ended.empty()) out["response"] = routed.ended;
}
void describe(const Refused& refused, const Question&, ordered_json& out) {
  out["status"] = refused.status;
  out["headers"] = to_json(refused.headers);
  out["body"] = refused.body;
}
void describe(const Failed& failed, const Question&, ordered_json& out) {
  out["error"] = failed.why;
}

// Of several requests.
class Summary {
 public:
  void add(const Answer& answer) {
    times_.push_back(answer.took);
    if (const auto* routed = std::get_if<Routed>(&answer.what)) {
      ++endpoints_[routed->endpoint];
    } else if (const auto* refused = std::get_if<Refused>(&answer.what)) {
      ++refused_[std::to_string(refused->status)];
    } else {
      ++failed_[std::get<Failed>(answer.what).why];
    }
  }
  ordered_json to_json() {
    std::sort(times_.begin(), times_.end());
    const auto at = [this](double share) {
      return milliseconds(times_[static_cast<size_t>(share * static_cast<double>(times_.size() - 1))]);
    };
    ordered_json out = {{"requests", times_.size()}, {"endpoints", endpoints_}};
    if (!refused_.empty()) out["refused"] = refused_;
    if (!failed_.empty()) out["failed"] = failed_;
    out["milliseconds"] = {{"p50", at(0.5)}, {"p99", at(0.99)}, {"most", at(1)}};
    return out;
  }

 private:
  std::map<std::string, unsigned> endpoints_;  // requests by destination
  std::map<std::string, unsigned> refused_;    // ... by status
  std::map<std::string, unsigned> failed_;     // ... by reason
  std::vector<std::chrono::nanoseconds> times_;
};

}  // namespace

int main(int argc, char** argv) {
  int status = 0;
  const auto options = parse_options(argc, argv, status);
  if (!options) return status;
  grpc::ChannelArguments direct;
  direct.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel = grpc::CreateCustomChannel(options->to, credentials(options->tls), direct);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() +
                                 std::chrono::duration_cast<std::chrono::system_clock::duration>(options->patience))) {
    std::cerr << "epp-try: nothing at " << options->to << " speaks gRPC "
              << (options->tls ? "over TLS" : "in plain text; does it serve TLS? Then say --tls") << '\n';
    return kExitRefused;
  }
  Summary summary;
  for (unsigned i = 0; i < options->count; ++i) {
    const Answer answer = ask(channel, options->question, options->patience);
    if (!std::holds_alternative<Routed>(answer.what)) status = kExitRefused;
    if (options->count > 1) {
      summary.add(answer);
      continue;
    }
    ordered_json out;
    std::visit([&](const auto& what) { describe(what, options->question, out); }, answer.what);
    out["milliseconds"] = milliseconds(answer.took);
    print(out);
  }
  if (options->count > 1) print(summary.to_json());
  return status;
}
