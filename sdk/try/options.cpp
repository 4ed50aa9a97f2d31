#include "options.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace epp::trial {

namespace {

constexpr int kExitUsage = 2;

// "Name: value"; names are lower case, as a proxy sends them.
bool add_header(const std::string& text, Question& question) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos) return false;
  std::string name = text.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t value = text.find_first_not_of(" \t", colon + 1);
  question.headers.emplace_back(std::move(name), value == std::string::npos ? "" : text.substr(value));
  return true;
}

// Text that begins with @ names the file that has the body, "@-" standard input.
bool read_body(std::string& body) {
  if (!body.starts_with('@')) return true;
  const std::string name = body.substr(1);
  std::ifstream file;
  if (name != "-") file.open(name, std::ios::binary);
  std::istream& in = name == "-" ? std::cin : file;
  std::ostringstream read;
  // Nothing is extracted from what is empty, which is no error; a folder can be opened but not read.
  if (in.good() && in.peek() != std::istream::traits_type::eof()) read << in.rdbuf();
  if (in.bad() || (name != "-" && !file.is_open())) return false;
  body = std::move(read).str();
  return true;
}

}  // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, int& status) {
  Options options;
  Question& question = options.question;
  std::vector<std::string> headers;
  double seconds = 10;
  CLI::App app(
      "Asks a running EPP, as a proxy would, where a request goes. Nothing is sent to a model server, but plugins "
      "learn from the request and metrics count it.",
      "epp-try");
  app.add_option("--to", options.to, "The EPP's ext-proc address")->capture_default_str();
  app.add_flag("--tls", options.tls,
               "It serves TLS, as it does without --secure-serving=false; any certificate will do");
  app.add_option("-d,--data", question.body, "Body, or @FILE, or @- for standard input; without, the request has none");
  app.add_option("-H,--header", headers, "'name: value'; may be repeated")->expected(1)->take_all();
  app.add_option("-p,--path", question.path, "/v1/completions with a body, /v1/models without");
  app.add_option("-X,--method", question.method, "POST with a body, GET without");
  app.add_option("-n,--count", options.count, "So many requests, one after the other; then a summary is printed")
      ->capture_default_str()
      ->check(CLI::Range(1u, 10'000'000u));
  app.add_option("--timeout", seconds, "Seconds that one request may take")->capture_default_str();
  const auto refuse = [&status](const std::string& problem) {
    std::cerr << "epp-try: " << problem << '\n';
    status = kExitUsage;
    return std::nullopt;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    status = app.exit(error) == 0 ? 0 : kExitUsage;
    return std::nullopt;
  }
  if (!(seconds >= 0.001 && seconds <= 1e6)) return refuse("--timeout must be 0.001 to 1000000 seconds");  // nor NaN
  const bool with_body = app.count("--data") != 0;
  const std::string body = question.body;
  if (!read_body(question.body)) return refuse("cannot read \"" + body.substr(1) + "\"");
  for (const std::string& header : headers) {
    if (!add_header(header, question)) return refuse("\"" + header + "\" is no header: 'name: value' is expected");
  }
  question.has_body = with_body;
  if (question.path.empty()) question.path = with_body ? "/v1/completions" : "/v1/models";
  if (question.method.empty()) question.method = with_body ? "POST" : "GET";
  options.patience = std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
  return options;
}

}  // namespace epp::trial
