# BITGRAIN_DISPATCH: the static library of kernels for several instruction sets (kernels/kernel_set.hpp says why and how).
# The objects of a set are linked into one, in which every symbol but its entry point is made local.

if(BITGRAIN_NATIVE OR BITGRAIN_SANITIZE)
  message(FATAL_ERROR "BITGRAIN_DISPATCH builds programs for every processor: leave BITGRAIN_NATIVE and BITGRAIN_SANITIZE off")
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(kernel_sets sse42 avx2 avx512 avx512bf16)
  set(flags_sse42 -msse4.2 -mpopcnt)
  set(flags_avx2 -mavx2 -mfma -mpopcnt -mbmi -mbmi2)
  set(flags_avx512 ${flags_avx2} -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl -mavx512vnni)
  set(flags_avx512bf16 ${flags_avx512} -mavx512bf16)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(kernel_sets neon)
  set(flags_neon "")
else()
  message(FATAL_ERROR "BITGRAIN_DISPATCH: there are kernel sets for x86-64 and aarch64, not for ${CMAKE_SYSTEM_PROCESSOR}")
endif()

# What a source of the library is compiled with: all that consumers of bitgrain are.
function(bitgrain_dispatch_source target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_include_directories(${target} SYSTEM PRIVATE $<TARGET_PROPERTY:bitgrain,INTERFACE_SYSTEM_INCLUDE_DIRECTORIES>)
  target_include_directories(${target} PRIVATE $<TARGET_PROPERTY:bitgrain,INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(${target} PRIVATE BITGRAIN_DISPATCH)
  target_link_libraries(${target} PRIVATE Threads::Threads)
  if(BITGRAIN_THREADS_STD)
    target_compile_definitions(${target} PRIVATE BITGRAIN_THREADS_STD)
  elseif(OpenMP_CXX_FOUND)
    target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  endif()
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

set(set_objects "")
foreach(set IN LISTS kernel_sets)
  add_library(bitgrain_kernels_${set} OBJECT cmake/dispatch/kernel_set.cpp)
  bitgrain_dispatch_source(bitgrain_kernels_${set})
  target_compile_options(bitgrain_kernels_${set} PRIVATE -O3 ${portable_compile_options} ${flags_${set}})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(bitgrain_kernels_${set} PRIVATE -fno-gnu-unique)
  endif()
  target_compile_definitions(bitgrain_kernels_${set} PRIVATE BITGRAIN_KERNEL_SET=${set})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/bitgrain_kernels_${set}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r --force-group-allocation $<TARGET_OBJECTS:bitgrain_kernels_${set}> -o ${object}.joined
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbol=bitgrain_kernels_${set} ${object}.joined ${object}
    DEPENDS bitgrain_kernels_${set} $<TARGET_OBJECTS:bitgrain_kernels_${set}>
    COMMAND_EXPAND_LISTS VERBATIM)
  list(APPEND set_objects ${object})
endforeach()

add_library(bitgrain_dispatch STATIC cmake/dispatch/select.cpp ${set_objects})
set_source_files_properties(${set_objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
bitgrain_dispatch_source(bitgrain_dispatch)
target_compile_options(bitgrain_dispatch PRIVATE -O3 ${portable_compile_options})
set_target_properties(bitgrain_dispatch PROPERTIES EXPORT_NAME dispatch)
target_compile_definitions(bitgrain INTERFACE BITGRAIN_DISPATCH)
target_link_libraries(bitgrain INTERFACE bitgrain_dispatch)
