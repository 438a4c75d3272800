# SPDX-License-Identifier: Apache-2.0
"""From an image pair to a network's normalised crops."""
from __future__ import annotations

import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.crops import CropGeometry, crop_rgb, crop_thermal
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import CropSpec, ModelBundle


class NetworkInputs:
    """Cuts and normalises template and search crops as a model bundle wants them.

    A camera that is missing in a pair gives zeros, which is the mean colour after normalisation.
    """

    def __init__(self, bundle: ModelBundle) -> None:
        self._bundle = bundle
        # Search crops are used up within a frame, so their memory is used again and again.
        graph = bundle.search_graph
        self._search_rgb = np.empty(graph.inputs['search_rgb'], np.float32)
        self._search_thermal = np.empty(graph.inputs['search_thermal'], np.float32)

    def template(self, pair: ImagePair, box: Box) -> tuple[Array, Array]:
        """Return the RGB and thermal template crops, 1 x C x Z x Z, in memory of their own."""
        rgb, thermal, _ = self._crops(pair, box, self._bundle.template, 1.0, None, None)
        return rgb, thermal

    def search(self, pair: ImagePair, box: Box, growth: float = 1.0,
               ) -> tuple[Array, Array, CropGeometry]:
        """Return the search crops, 1 x C x X x X, valid until the next call, and their place.

        Parameters
        ----------
        pair
            Images of both cameras.
        box
            Where the target is looked for, pixels of the RGB image.
        growth
            Multiplies the side of the search region.

        """
        return self._crops(pair, box, self._bundle.search, growth,
                           self._search_rgb, self._search_thermal)

    def _crops(self, pair: ImagePair, box: Box, spec: CropSpec, growth: float,
               out_rgb: Array | None, out_thermal: Array | None,
               ) -> tuple[Array, Array, CropGeometry]:
        bundle = self._bundle
        geometry = CropGeometry.around(box, spec.factor * growth, spec.size)
        rgb = crop_rgb(pair, geometry, bundle.rgb.fill(bundle.border), bundle.border)
        thermal = crop_thermal(pair, geometry, bundle.thermal.fill(bundle.border), bundle.border)
        return (bundle.rgb.apply(rgb, spec.size, out_rgb),
                bundle.thermal.apply(thermal, spec.size, out_thermal), geometry)
