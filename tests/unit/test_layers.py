"""What a pod holds runs where nothing is installed. The rest of who imports whom is kept by import-linter."""

import sys

import grimp
import pytest

GRAPH = grimp.build_graph("bighost", include_external_packages=True, cache_dir=None)
POD = sorted(GRAPH.find_descendants("bighost.pod"))


@pytest.mark.parametrize("module", POD)
def test_a_pods_module_needs_the_standard_library_and_its_own_package_alone(module: str) -> None:
    imported = GRAPH.find_modules_directly_imported_by(module)
    strangers = {name for name in imported if name not in POD and name not in sys.stdlib_module_names}

    assert strangers - {"bighost.pod"} == set()
