-- SPDX-License-Identifier: Apache-2.0
-- The older name for torch's random and linear functions.
return require "torch"
