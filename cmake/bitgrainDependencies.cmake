# What bitgrain stands on, for our own build and for the installed package alike: a consumer's own machine and compiler
# decide which OpenMP, zlib, ... its programs get. Required: Eigen and xsimd (and threads). Optional: OpenMP (parallel_for is
# serial without it), zlib and stb_image for bitgrain::data, nlohmann-json for bitgrain::run.
#
# Sets BITGRAIN_MISSING (required packages that were not found), BITGRAIN_DATA_MISSING and BITGRAIN_RUN_MISSING (what the
# programs that link bitgrain::data or bitgrain::run would lack).

option(BITGRAIN_THREADS_STD "parallel_for on std::thread instead of OpenMP (for ThreadSanitizer)" OFF)

find_package(Eigen3 3.4 QUIET NO_MODULE)
find_package(xsimd QUIET)
find_package(Threads QUIET)
find_package(OpenMP QUIET COMPONENTS CXX)
find_package(ZLIB QUIET)
find_path(BITGRAIN_STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
mark_as_advanced(BITGRAIN_STB_INCLUDE_DIR)
find_package(nlohmann_json 3.10 QUIET)

set(BITGRAIN_MISSING "")
foreach(package Eigen3 xsimd Threads)
  if(NOT ${package}_FOUND)
    list(APPEND BITGRAIN_MISSING ${package})
  endif()
endforeach()
set(BITGRAIN_DATA_MISSING "")
if(NOT ZLIB_FOUND)
  list(APPEND BITGRAIN_DATA_MISSING zlib)
endif()
if(NOT BITGRAIN_STB_INCLUDE_DIR)
  list(APPEND BITGRAIN_DATA_MISSING stb_image)
endif()
set(BITGRAIN_RUN_MISSING ${BITGRAIN_DATA_MISSING})
if(NOT nlohmann_json_FOUND)
  list(APPEND BITGRAIN_RUN_MISSING nlohmann_json)
endif()

# Links the three header targets to what was found. A target whose dependencies are missing links a target that does not
# exist and whose name is the message: only a program that asks for it fails, and it fails while it is configured.
function(bitgrain_link_dependencies core data run)
  # BUILD_INTERFACE keeps the names found on this machine out of the installed package, which looks for its own.
  target_link_libraries(${core} INTERFACE $<BUILD_INTERFACE:Eigen3::Eigen> $<BUILD_INTERFACE:Threads::Threads>)
  # Only the folder of xsimd's headers: Debian's target links xtl, which its package does not bring.
  get_target_property(xsimd_folders xsimd INTERFACE_INCLUDE_DIRECTORIES)
  target_include_directories(${core} SYSTEM INTERFACE "$<BUILD_INTERFACE:${xsimd_folders}>")
  if(BITGRAIN_THREADS_STD)
    target_compile_definitions(${core} INTERFACE $<BUILD_INTERFACE:BITGRAIN_THREADS_STD>)
  elseif(OpenMP_CXX_FOUND)
    target_link_libraries(${core} INTERFACE $<BUILD_INTERFACE:OpenMP::OpenMP_CXX>)
  endif()
  if(BITGRAIN_DATA_MISSING)
    list(JOIN BITGRAIN_DATA_MISSING "_and_" names)
    message(STATUS "bitgrain::data cannot be used: ${BITGRAIN_DATA_MISSING} not found (Debian: zlib1g-dev, libstb-dev)")
    target_link_libraries(${data} INTERFACE $<BUILD_INTERFACE:bitgrain::data_needs_${names}_which_was_not_found>)
  else()
    target_link_libraries(${data} INTERFACE $<BUILD_INTERFACE:ZLIB::ZLIB>)
    target_include_directories(${data} SYSTEM INTERFACE $<BUILD_INTERFACE:${BITGRAIN_STB_INCLUDE_DIR}>)
  endif()
  if(nlohmann_json_FOUND)
    target_link_libraries(${run} INTERFACE $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
  else()
    message(STATUS "bitgrain::run cannot be used: nlohmann_json not found (Debian: nlohmann-json3-dev)")
    target_link_libraries(${run} INTERFACE $<BUILD_INTERFACE:bitgrain::run_needs_nlohmann_json_which_was_not_found>)
  endif()
endfunction()
