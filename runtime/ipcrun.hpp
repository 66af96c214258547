// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The whole of libipcrun for a rank of a job: see libipcrun(3). What connects processes that are
/// no job is in runtime/connection and runtime/stream.

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "base/error.hpp"
#include "runtime/call_site.hpp"
#include "runtime/children.hpp"
#include "runtime/collective.hpp"
#include "runtime/communicator.hpp"
#include "runtime/dtype.hpp"
#include "runtime/job.hpp"
#include "runtime/message.hpp"
#include "runtime/part.hpp"
#include "runtime/reduce.hpp"
#include "runtime/request.hpp"
#include "runtime/storage.hpp"
#include "runtime/values_mismatch.hpp"
#include "runtime/wait_any.hpp"
