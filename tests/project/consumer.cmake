# Uses bitgrain as a stranger would, in the way that MODE says:
#   installed         install into a prefix, move the prefix elsewhere, find_package
#   subdirectory      add_subdirectory
#   without_optional  installed, on a machine without zlib and nlohmann-json
# Needs: MODE SOURCE_DIR BUILD_DIR WORK_DIR GENERATOR CXX
cmake_minimum_required(VERSION 3.24)
file(REMOVE_RECURSE ${WORK_DIR})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed: ${command}\n${text}")
  endif()
  message("${text}")
endfunction()

set(configure ${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/project/consumer -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX})
if(MODE STREQUAL "subdirectory")
  list(APPEND configure -DBITGRAIN_SUBDIRECTORY=${SOURCE_DIR})
else()
  run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/first)
  file(RENAME ${WORK_DIR}/first ${WORK_DIR}/moved)
  list(APPEND configure -DCMAKE_PREFIX_PATH=${WORK_DIR}/moved)
  file(GLOB package ${WORK_DIR}/moved/share/cmake/bitgrain/*.cmake)
  foreach(file IN LISTS package)
    file(READ ${file} text)
    foreach(path ${SOURCE_DIR} ${BUILD_DIR} ${WORK_DIR}/first)
      string(FIND "${text}" ${path} at)
      if(NOT at EQUAL -1)
        message(FATAL_ERROR "${file} holds the path ${path} of the machine that installed it")
      endif()
    endforeach()
  endforeach()
endif()
if(MODE STREQUAL "without_optional")
  list(APPEND configure -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
endif()

run(${configure} -B ${WORK_DIR}/build)
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${WORK_DIR}/build/consumer)

# The consumer chooses its own optimisation and warnings: we may add the standard, include folders and OpenMP only.
file(STRINGS ${WORK_DIR}/build/compile_commands.json commands REGEX "\"command\".*main\\.cpp")
string(REGEX MATCHALL " -(march|mtune|m[a-z]+=|W|O|g|f)[^ ]*" flags "${commands}")
list(FILTER flags EXCLUDE REGEX "^ -fopenmp")
if(flags OR NOT commands)
  message(FATAL_ERROR "a consumer of bitgrain must choose its own flags, but got '${flags}' in: ${commands}")
endif()

if(MODE STREQUAL "without_optional")
  # A program that asks for what is missing learns, when it is configured, what to install.
  foreach(pair "bitgrain::data;data_needs_zlib" "bitgrain::run;run_needs_nlohmann_json")
    list(GET pair 0 target)
    list(GET pair 1 message)
    execute_process(COMMAND ${configure} -DBITGRAIN_TARGET=${target} -B ${WORK_DIR}/lacking
                    RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
    if(code EQUAL 0 OR NOT text MATCHES ${message} OR NOT text MATCHES "cannot be used")
      message(FATAL_ERROR "expected a message with ${message}, got code ${code}:\n${text}")
    endif()
  endforeach()
endif()
