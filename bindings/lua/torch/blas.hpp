// SPDX-License-Identifier: Apache-2.0
#pragma once
/// OpenBLAS (or another BLAS with the C interface), loaded when the first product needs it: a job
/// that multiplies nothing does not pay for its start, and without it products go through Eigen.

namespace ipcrun::lua {

struct Blas {
    Blas();
    // The values of CBLAS_ORDER and CBLAS_TRANSPOSE, part of the C interface's ABI.
    enum Order : int { row_major = 101 };
    enum Transpose : int { as_it_is = 111, transposed = 112 };

    template <typename T>
    using Gemm = void (*)(Order, Transpose, Transpose, int m, int n, int k, T alpha, const T* a,
                          int lda, const T* b, int ldb, T beta, T* c, int ldc);
    template <typename T>
    using Gemv = void (*)(Order, Transpose, int m, int n, T alpha, const T* a, int lda, const T* x,
                          int incx, T beta, T* y, int incy);

    bool searched = false;
    Gemm<float> sgemm = nullptr;  ///< null: there is no library; all four are, or none
    Gemm<double> dgemm = nullptr;
    Gemv<float> sgemv = nullptr;
    Gemv<double> dgemv = nullptr;

    /// Looks for the library once. It stays loaded until the process ends: its threads cannot be
    /// unloaded safely.
    void load();

    /// To be held during a call of the library. Its memory goes when the process exits: that waits
    /// for those who are in a call of it, and who comes later stays here.
    class Use {
      public:
        Use();
        Use(const Use&) = delete;
        ~Use();
    };

    /// The threads that products may take, now and when the library is loaded. The library has one
    /// such number for the process, so the last call of any Lua state counts.
    void use_threads(int count);
    /// How many they take; 1 without a library that can tell.
    int thread_count();

  private:
    int wanted_threads_ = 0;  ///< 0: as many as the library takes by itself
    void (*set_threads_)(int) = nullptr;
    int (*get_threads_)() = nullptr;
};

}  // namespace ipcrun::lua
