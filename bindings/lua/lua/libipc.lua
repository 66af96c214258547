-- SPDX-License-Identifier: Apache-2.0
-- torch-ipc's name for the module `ipc`.
return require "ipc"
