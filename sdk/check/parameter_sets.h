// Parameters to make instances with, from a type's schema.
#pragma once

#include "check/random.h"

#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

struct ParameterSet {
  std::string what;  // "the defaults", "/threshold at its maximum"
  std::string text;  // JSON object
};

// What is wrong with a schema: not draft-07, or a default that it would refuse itself. One sentence each.
std::vector<std::string> schema_problems(std::string_view schema);

// Objects that the schema accepts: the least there must be, then each property at its default, its limits, its choices.
// Normalised as the host does before it calls create.
std::vector<ParameterSet> good_parameters(std::string_view schema);

// Texts that are no fit parameters. create is only ever shown JSON objects, so these are objects, of wrong members.
std::vector<ParameterSet> bad_parameters(std::string_view schema, Random& random);

// The object as the host would hand it to create; the complaint when the schema refuses it.
bool accepted(std::string_view schema, const std::string& text, std::string& normalised, std::string& complaint);

// Every string in a JSON text, names of members included: words that a plugin may look for.
std::vector<std::string> words_of(std::string_view json, const std::vector<std::string>& more);

}  // namespace epp::check
