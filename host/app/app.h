// The composition root: what each command does. main.cpp only parses the command line and calls one of these.
// Each returns the process's exit status.
#pragma once

#include "config/options.h"

namespace epp::app {

int serve(const config::Options& options);
int validate(const config::Options& options);
int plugins_list(const config::Options& options);
int plugins_describe(const config::Options& options);
int plugins_new(const config::Options& options);
int schema(const config::Options& options);

}  // namespace epp::app
