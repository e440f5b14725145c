# find_nvcc(): without an nvcc on PATH or in CUDACXX, use the nvcc of an installed Python package (toolchain.py).
macro(find_nvcc)
  find_program(_nvcc nvcc NO_CMAKE_SYSTEM_PATH)
  if(NOT _nvcc AND NOT DEFINED ENV{CUDACXX} AND NOT CMAKE_CUDA_COMPILER)
    find_package(Python3 COMPONENTS Interpreter QUIET)
    execute_process(
      COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/toolchain.py
      OUTPUT_VARIABLE _toolchain OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE _failed)
    if(Python3_EXECUTABLE AND NOT _failed)
      string(REPLACE "\n" ";" _toolchain "${_toolchain}")
      list(POP_FRONT _toolchain CMAKE_CUDA_COMPILER)
      list(JOIN _toolchain " " _flags)
      set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} ${_flags}")
      set(ENV{CUDAFLAGS} "$ENV{CUDAFLAGS} ${_flags}")
    endif()
  endif()
endmacro()
