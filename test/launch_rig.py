# SPDX-License-Identifier: Apache-2.0
"""Runs our launch files for real, from an installation that shows the source tree."""
from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

from ros_rig import PATIENCE, Rig

from rgbt_tracker_ros.ros.processes import stop_node

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = 'rgbt_tracker_ros'
NODES = ('tracker_node', 'player_node')
# What `ros2 launch` does without a terminal: it passes SIGINT on.
RUN = """\
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    AnyLaunchDescriptionSource(sys.argv[1]),
    launch_arguments=[item.split(':=', 1) for item in sys.argv[2:]])]))
sys.exit(service.run())
"""


def install(prefix: Path) -> Path:
    """Make an ament prefix with this package, as colcon's --symlink-install does."""
    share = prefix / 'share' / PACKAGE
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    programs = prefix / 'lib' / PACKAGE
    for folder in (share, index, programs):
        folder.mkdir(parents=True)
    (index / PACKAGE).touch()
    for name in ('config', 'launch', 'models', 'package.xml'):
        (share / name).symlink_to(ROOT / name)
    for name in NODES:
        program = programs / name
        program.write_text(f'#!{sys.executable}\nimport sys\n'
                           f'from {PACKAGE}.ros.{name} import main\nsys.exit(main())\n')
        program.chmod(0o755)
    return prefix


class LaunchRig(Rig):
    """A ROS network of its own in which launch files run."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        prefixes = [str(install(folder / 'install')),
                    *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
        self.environment.update(
            AMENT_PREFIX_PATH=os.pathsep.join(prefixes), ROS_LOG_DIR=str(folder / 'log'),
            XDG_CACHE_HOME=str(folder / 'cache'))
        self._output = folder / 'output.txt'

    def launch(self, file: str, *arguments: str) -> Any:
        """Start a launch file in a process group of its own."""
        with self._output.open('w') as output:
            process = subprocess.Popen(
                [sys.executable, '-c', RUN, str(ROOT / 'launch' / file), *arguments],
                env=self.environment, stdout=output, stderr=subprocess.STDOUT, text=True,
                start_new_session=True)
        self.processes.append(process)
        return process

    def output(self) -> str:
        return self._output.read_text()

    def interrupt(self, process: Any) -> int:
        """End a launched system as Ctrl-C in a terminal does: the whole group is told."""
        os.killpg(process.pid, signal.SIGINT)
        return stop_node(process, 2 * PATIENCE)

    def node_names(self) -> Sequence[str]:
        """Return the full names of all nodes but those of launch itself."""
        return [f'{space.rstrip("/")}/{name}'
                for name, space in self.node.get_node_names_and_namespaces()
                if not name.startswith('launch_ros_')]
