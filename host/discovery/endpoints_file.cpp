#include "discovery/endpoints_file.h"

#include "config/yaml_scalar.h"
#include "net/http_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <yaml-cpp/yaml.h>

namespace epp::discovery {
namespace {

struct TypeError {
  std::string text;
};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string where(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? std::string() : "line " + std::to_string(mark.line + 1) + ": ";
}

// The text of a node that must be a string; null leaves the default.
std::optional<std::string> string_of(const YAML::Node& node, const std::string& field) {
  if (node.IsNull()) return std::nullopt;
  if (!node.IsScalar()) throw TypeError{where(node) + "cannot use a list or map as field " + field + " of type string"};
  const std::string& tag = node.Tag();
  const bool plain = tag == "?" || tag.empty();
  if (!plain) {
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return node.Scalar();
    throw TypeError{where(node) + "cannot use a value tagged " + tag + " as field " + field + " of type string"};
  }
  const config::Scalar value = config::resolve_plain_scalar(node.Scalar());
  if (std::holds_alternative<std::string>(value)) return std::get<std::string>(value);
  if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
  const char* kind = std::holds_alternative<bool>(value) ? "bool" : "number";
  throw TypeError{where(node) + "cannot unmarshal " + kind + " into field " + field + " of type string: write \"" +
                  node.Scalar() + "\" in quotes"};
}

void read_labels(const YAML::Node& node, FileEntry& entry, std::size_t& budget) {
  if (node.IsNull()) return;
  if (!node.IsMap()) throw TypeError{where(node) + "field labels must be a map of strings"};
  for (const auto& pair : node) {
    if (budget-- == 0) throw TypeError{"too many labels"};
    if (!pair.first.IsScalar()) throw TypeError{where(pair.first) + "a label's name must be a string"};
    entry.labels.emplace_back(pair.first.Scalar(),
                              string_of(pair.second, "labels." + pair.first.Scalar()).value_or(""));
  }
  std::sort(entry.labels.begin(), entry.labels.end());
}

FileEntry read_entry(const YAML::Node& node, std::size_t& budget) {
  FileEntry entry;
  if (node.IsNull()) return entry;
  if (!node.IsMap()) throw TypeError{where(node) + "an endpoint must be a map"};
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) continue;
    const std::string& name = pair.first.Scalar();
    const auto text = [&](std::string& into) {
      if (auto value = string_of(pair.second, name)) into = std::move(*value);
    };
    if (same_name(name, "name")) text(entry.name);
    if (same_name(name, "namespace")) text(entry.name_space);
    if (same_name(name, "address")) text(entry.address);
    if (same_name(name, "port")) text(entry.port);
    if (same_name(name, "labels")) read_labels(pair.second, entry, budget);
  }
  if (entry.name_space.empty()) entry.name_space = "default";
  return entry;
}

// The canonical text of an IPv4 address, also of one mapped into IPv6.
std::optional<std::string> ipv4_of(const std::string& text) {
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return text;
  if (::inet_pton(AF_INET6, text.c_str(), &six) != 1 || !IN6_IS_ADDR_V4MAPPED(&six)) return std::nullopt;
  std::memcpy(&four, &six.s6_addr[12], sizeof four);
  std::array<char, INET_ADDRSTRLEN> canonical{};
  return ::inet_ntop(AF_INET, &four, canonical.data(), canonical.size());
}

bool is_ipv6(const std::string& text) {
  in6_addr six{};
  return ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

// RFC 1123: labels of letters, digits and inner hyphens, lower case, 253 bytes at most.
bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto dot = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, dot - begin);
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), fits)) {
      return false;
    }
    begin = dot + 1;
  }
  return true;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

const std::string* label_of(const FileEntry& entry, std::string_view key) {
  for (const auto& [name, value] : entry.labels) {
    if (name == key) return &value;
  }
  return nullptr;
}

}  // namespace

std::variant<std::vector<FileEntry>, FileError> parse_endpoints_file(std::string_view text) {
  if (text.size() > kMaxFileBytes) return FileError{"file is larger than 1 MiB"};
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    std::vector<FileEntry> entries;
    if (!document || document.IsNull()) return entries;
    if (!document.IsMap()) return FileError{"the document must be a map with the field endpoints"};
    std::size_t budget = kMaxLabelsInFile;
    for (const auto& pair : document) {
      if (!pair.first.IsScalar() || !same_name(pair.first.Scalar(), "endpoints") || pair.second.IsNull()) continue;
      if (!pair.second.IsSequence()) return FileError{where(pair.second) + "field endpoints must be a list"};
      for (const auto& node : pair.second)
        entries.push_back(read_entry(node, budget));
    }
    return entries;
  } catch (const TypeError& error) {
    return FileError{error.text};
  } catch (const YAML::Exception& error) {
    return FileError{error.what()};
  }
}

std::variant<endpoints::EndpointSpec, FileError> to_endpoint(FileEntry entry, Addresses allowed) {
  const std::string id = entry.name_space + "/" + entry.name;
  endpoints::EndpointSpec spec;
  if (auto four = ipv4_of(entry.address)) {
    spec.address = std::move(*four);
  } else if (allowed == Addresses::kIpOrDnsName && (is_ipv6(entry.address) || is_dns_name(entry.address))) {
    spec.address = entry.address;
  } else {
    return FileError{"endpoint \"" + id + "\": invalid address \"" + entry.address + "\""};
  }
  if (!is_port(entry.port)) return FileError{"endpoint \"" + id + "\": invalid port \"" + entry.port + "\""};

  if (allowed == Addresses::kIpOrDnsName) {
    const std::string* address = label_of(entry, "metricsAddress");
    const std::string* port = label_of(entry, "metricsPort");
    if (address != nullptr || port != nullptr) {
      spec.metrics_host = net::join_host_port(address ? *address : spec.address, port ? *port : entry.port);
    }
  }
  spec.name_space = std::move(entry.name_space);
  spec.name = std::move(entry.name);
  spec.workload = spec.name;
  spec.port = std::move(entry.port);
  spec.labels = std::move(entry.labels);
  return spec;
}

}  // namespace epp::discovery
