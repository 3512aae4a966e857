#pragma once

/// GLPK (GPL, tests only) as an independent referee for the exact solver.

#include <glpk.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "bitgrain/search/mckp_problem.hpp"

namespace bitgrain::testing {

/// GLPK's optimal choice per group; empty if it finds the problem infeasible. Choices of value 1e8 (forbidden) are
/// left out: GLPK's dual tolerance grows with the largest coefficient, and with them it stops 0.2 % above the optimum
/// of LIMPQ's ResNet-50 problem.
inline std::vector<int> glpk_choice(const MckpProblem& problem) {
  glp_term_out(GLP_OFF);
  glp_prob* program = glp_create_prob();
  const int groups = static_cast<int>(problem.groups.size());
  const int limits = static_cast<int>(problem.limits.size());
  glp_add_rows(program, groups + limits);
  for (int g = 0; g < groups; ++g) glp_set_row_bnds(program, g + 1, GLP_FX, 1, 1);
  std::vector<double> scale;  // rows of comparable size: GLPK's tolerances are absolute
  for (int i = 0; i < limits; ++i) {
    const auto at = static_cast<std::size_t>(i);
    scale.push_back(100 / std::max(1e-9, std::abs(problem.limits[at].limit)));
    glp_set_row_bnds(program, groups + i + 1, GLP_UP, 0, mckp::allowed_sum(problem, at) * scale[at]);
  }
  for (int g = 0; g < groups; ++g)
    for (const MckpChoice& choice : problem.groups[static_cast<std::size_t>(g)].choices) {
      const int column = glp_add_cols(program, 1);
      if (choice.value >= 1e8) {
        glp_set_col_bnds(program, column, GLP_FX, 0, 0);
        continue;
      }
      glp_set_col_kind(program, column, GLP_BV);
      glp_set_obj_coef(program, column, choice.value);
      std::vector<int> rows{0, g + 1};
      std::vector<double> entries{0, 1};
      for (std::size_t i = 0; i < scale.size(); ++i) {
        rows.push_back(groups + static_cast<int>(i) + 1);
        entries.push_back(choice.costs[i] * scale[i]);
      }
      glp_set_mat_col(program, column, static_cast<int>(rows.size()) - 1, rows.data(), entries.data());
    }
  glp_iocp options;
  glp_init_iocp(&options);
  options.presolve = GLP_ON;
  options.msg_lev = GLP_MSG_OFF;
  options.tol_obj = 1e-9;
  std::vector<int> result;
  if (glp_intopt(program, &options) == 0 && glp_mip_status(program) == GLP_OPT) {
    int column = 1;
    for (const MckpGroup& group : problem.groups) {
      for (std::size_t j = 0; j < group.choices.size(); ++j, ++column)
        if (glp_mip_col_val(program, column) > 0.5) result.push_back(static_cast<int>(j));
    }
  }
  glp_delete_prob(program);
  return result;
}

}  // namespace bitgrain::testing
